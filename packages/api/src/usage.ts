import { z } from 'zod';

/** Token counts from the engine, never estimates. */
export const Usage = z
  .strictObject({
    promptTokens: z.int().min(0),
    /** All generated tokens, of every choice. */
    completionTokens: z.int().min(0),
    /** Generated tokens that are reasoning, its markers included; absent where the engine does not tell. */
    reasoningTokens: z.int().min(0).optional(),
    /** Prompt tokens whose KV cache was reused. */
    cachedPromptTokens: z.int().min(0).optional(),
    /** Prompt tokens that were put into a cache for later, where the service counts them. */
    cacheWritePromptTokens: z.int().min(0).optional(),
    /** Where the engine's time went, milliseconds; absent where the engine does not tell. */
    timings: z
      .strictObject({
        /** Waiting for a free sequence; absent where only the rest is told. */
        queueMs: z.number().min(0).optional(),
        /** From the first prompt token to the first generated one. */
        prefillMs: z.number().min(0),
        /** From the first generated token to the last. */
        decodeMs: z.number().min(0),
      })
      .optional(),
  })
  .meta({ id: 'Usage' });
export type Usage = z.infer<typeof Usage>;
