import { configSection } from '@golek/system';
import { z } from 'zod';
import { ISOLATIONS } from './gguf-config.ts';

export const onnxConfig = configSection(
  'onnx',
  z
    .strictObject({
      isolation: z
        .enum(ISOLATIONS)
        .default('auto')
        .describe(
          '`process` runs each model in a supervised child process, so that a crash costs the requests in hand only and closing a model gives its memory back; `in-process` saves that process. `auto` is `process` for the server and `in-process` for commands.',
        ),
      executionProvider: z
        .enum(['auto', 'cpu', 'cuda', 'tensorrt', 'dml', 'coreml', 'webgpu'])
        .default('auto')
        .describe(
          'What runs the graph; `auto`: CUDA, DirectML or CoreML where it is installed and the model loads with it, else the CPU.',
        ),
      threads: z
        .int()
        .min(1)
        .max(1024)
        .optional()
        .describe('Threads that work on one operator. Default: the physical cores that the process may use, less one.'),
      interOpThreads: z
        .int()
        .min(1)
        .max(1024)
        .default(1)
        .describe('Threads for operators that do not depend on each other.'),
      graphOptimization: z
        .enum(['disabled', 'basic', 'extended', 'layout', 'all'])
        .default('all')
        .describe('How much ONNX Runtime rewrites a graph when it loads it.'),
      maxBatchTokens: z
        .int()
        .min(1)
        .max(1_000_000)
        .optional()
        .describe(
          'Most tokens of texts that are evaluated together, padding included. Default: on a CPU 512 for each thread, at most 4096; else 4096.',
        ),
      maxBatchDelayMs: z
        .int()
        .min(0)
        .max(100)
        .default(2)
        .describe('Longest that a text waits for others although the engine is free; 0: never.'),
      queueLimit: z
        .int()
        .min(0)
        .max(100_000)
        .default(256)
        .describe('Runs of a model that may wait for their turn; more are refused.'),
      warmUp: z
        .boolean()
        .default(false)
        .describe(
          'Runs a graph once when it is loaded, so that the first request need not wait for what the runtime puts off until then.',
        ),
    })
    .describe('Defaults for models in ONNX files, run by ONNX Runtime.'),
);
