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
        .describe('Threads that evaluate. Default: the cores that the process may use, less one.'),
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
      queueLimit: z
        .int()
        .min(0)
        .max(100_000)
        .default(256)
        .describe('Requests of a model that may wait for a place; more are refused.'),
    })
    .describe('Defaults for models in GGUF files, run by llama.cpp.'),
);
