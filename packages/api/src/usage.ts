import { z } from 'zod';

/** Token counts from the engine, never estimates. */
export const Usage = z
  .strictObject({
    promptTokens: z.int().min(0),
    /** All generated tokens, of every choice. */
    completionTokens: z.int().min(0),
    /** Prompt tokens whose KV cache was reused. */
    cachedPromptTokens: z.int().min(0).optional(),
  })
  .meta({ id: 'Usage' });
export type Usage = z.infer<typeof Usage>;
