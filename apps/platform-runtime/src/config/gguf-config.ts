import { configSection } from '@golek/system';
import { z } from 'zod';

export const ISOLATIONS = ['auto', 'process', 'in-process'] as const;

export const ggufConfig = configSection(
  'gguf',
  z
    .strictObject({
      isolation: z
        .enum(ISOLATIONS)
        .default('auto')
        .describe(
          '`process` runs each model in a supervised child process, so that a crash costs the requests in hand only; `in-process` saves that process. `auto` is `process` for the server and `in-process` for `golek run` and `golek chat`.',
        ),
      gpu: z
        .union([z.enum(['auto', 'cuda', 'vulkan', 'metal']), z.literal(false)])
        .default('auto')
        .describe('GPU back end; `false` is the CPU alone.'),
      threads: z
        .int()
        .min(1)
        .max(1024)
        .optional()
        .describe(
          'Threads that evaluate. Default: the physical cores that the process may use, less one; `golek engine info` shows it.',
        ),
      shareThreads: z
        .boolean()
        .default(true)
        .describe(
          'Models that are busy at once divide the processors, each with at least one thread; `false`: each has its own `threads` whatever others do.',
        ),
      contextSize: z
        .int()
        .min(16)
        .max(10_000_000)
        .optional()
        .describe(
          'Tokens that prompt and answer may hold together. Default: what the model was trained for, at most 4096.',
        ),
      parallel: z.int().min(1).max(256).default(4).describe('Requests that a model answers at the same time.'),
      batchSize: z.int().min(16).max(8192).default(512).describe('Most tokens that one step evaluates.'),
      gpuLayers: z
        .union([z.enum(['auto', 'max']), z.int().min(0).max(10_000)])
        .default('auto')
        .describe('Layers of the model that go to the GPU; `auto`: as many as fit.'),
      flashAttention: z
        .union([z.literal('auto'), z.boolean()])
        .default('auto')
        .describe(
          'Flash attention; `auto`: off on the CPU, where it makes an answer depend on what else runs, and on a GPU what llama.cpp chooses.',
        ),
      kvCacheType: z
        .string()
        .min(1)
        .default('f16')
        .describe(
          'Type of the KV cache, or `KEYS/VALUES`: f16, f32, bf16, q8_0, q5_1, q5_0, q4_1, q4_0, iq4_nl. Quantised values need flash attention.',
        ),
      mmap: z
        .union([z.literal('auto'), z.boolean()])
        .default('auto')
        .describe(
          'Map the weights from the file, so that the system can drop and reread them; `auto`: yes, but where a GPU is better off without.',
        ),
      mlock: z.boolean().default(false).describe('Keep the weights in memory: never swapped, never dropped.'),
      swaFullCache: z
        .boolean()
        .default(false)
        .describe(
          'For models with sliding-window attention: keep the whole context, so that prompts are reused from any place, for more memory.',
        ),
      engine: z
        .enum(['auto', 'prebuilt'])
        .default('auto')
        .describe(
          '`auto`: the build that `golek engine build` made and activated, where there is one; `prebuilt`: the binary that is installed with Golek.',
        ),
      prefixSharing: z
        .enum(['tenant', 'all'])
        .default('tenant')
        .describe(
          'Whose requests may go on from what the cache holds of a prompt; with `all` a tenant can tell by the time of an answer whether another one has sent the same beginning.',
        ),
      prefixCacheBytes: z
        .int()
        .min(0)
        .default(1 << 30)
        .describe(
          'Most bytes of prefix states in `cache/prefix` of the data folder, of all models together: a system prompt that several requests used is then not evaluated again, not even after a restart; 0 saves none.',
        ),
      contextOverflow: z
        .enum(['error', 'shift'])
        .default('error')
        .describe(
          'When an answer fills the context: `error` ends it with `length`, `shift` discards the oldest tokens and goes on, with a warning in the stream.',
        ),
      keepTokens: z
        .int()
        .min(0)
        .max(10_000_000)
        .optional()
        .describe('Tokens at the start that a shift keeps, at most half of the context. Default: the prompt.'),
      speculation: z
        .enum(['off', 'prompt-lookup', 'draft-model'])
        .default('off')
        .describe(
          'Guess tokens and evaluate several at once, where that is measured to be faster; the answers are the same. `prompt-lookup` guesses from the text so far, `draft-model` with the small model that a model names in its option `draftModel`.',
        ),
      scheduler: z
        .enum(['batch', 'evaluate'])
        .default('batch')
        .describe(
          "`batch`: Golek's own scheduler; `evaluate`: the public calls of node-llama-cpp, slower with several requests at once, without prefix states, log-probabilities and adapters.",
        ),
      queueLimit: z
        .int()
        .min(0)
        .max(100_000)
        .default(256)
        .describe('Requests of a model that may wait for a place; more are refused.'),
    })
    .describe('Defaults for models in GGUF files, run by llama.cpp.'),
);
