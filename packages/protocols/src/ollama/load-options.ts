import { z } from 'zod';

/** Options that Ollama sets when it loads a model; here the model's configuration does. */
export const loadOptions = {
  numa: z.boolean().nullish(),
  num_ctx: z.int().nullish(),
  num_batch: z.int().nullish(),
  num_gpu: z.int().nullish(),
  num_gqa: z.int().nullish(),
  main_gpu: z.int().nullish(),
  low_vram: z.boolean().nullish(),
  f16_kv: z.boolean().nullish(),
  logits_all: z.boolean().nullish(),
  vocab_only: z.boolean().nullish(),
  use_mmap: z.boolean().nullish(),
  use_mlock: z.boolean().nullish(),
  embedding_only: z.boolean().nullish(),
  rope_frequency_base: z.number().nullish(),
  rope_frequency_scale: z.number().nullish(),
  num_thread: z.int().nullish(),
  num_keep: z.int().nullish(),
  draft_num_predict: z.int().nullish(),
};

const NAMES = Object.keys(loadOptions) as readonly (keyof typeof loadOptions)[];

/** What is said of those that a request sets: they change nothing. */
export const loadOptionWarnings = (options: z.output<z.ZodObject<typeof loadOptions>>): string[] => {
  const sent = NAMES.filter((name) => options[name] != null);
  if (sent.length === 0) return [];
  return [
    `${sent.map((name) => `'options.${name}'`).join(', ')} changed nothing: a model is loaded as its entry in models.list says`,
  ];
};
