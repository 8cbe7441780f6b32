import { z } from 'zod';
import { Task } from './request.ts';
import { TensorPort } from './tensor.ts';

/** What a model can do and what it is, as read from its file or told by its server. Nothing here is guessed. */
export const ModelManifest = z
  .strictObject({
    /** Registered name, unique in a runtime. */
    name: z.string().min(1),
    /** Id of the provider that runs it. */
    provider: z.string().min(1),
    /** Where the weights are: a path for local engines, a model name for remote ones. */
    source: z.string().min(1),
    tasks: z.array(Task).min(1),
    /** File or wire format, e.g. `gguf`. */
    format: z.string().optional(),
    architecture: z.string().optional(),
    /** E.g. `Q8_0`, as the file names it. */
    quantization: z.string().optional(),
    parameterCount: z.int().min(0).optional(),
    /** Bytes on disk. */
    sizeBytes: z.int().min(0).optional(),
    /** Tokens that the model was trained to hold. */
    contextLength: z.int().min(0).optional(),
    /** Components of an embedding. */
    embeddingLength: z.int().min(0).optional(),
    chatTemplate: z.boolean().optional(),
    /** Options of requests that it takes, by the names of the provider contract (`tools`, `json-schema`, `image` …); absent: not known before it is loaded. */
    options: z.array(z.string()).optional(),
    /** What a request of the task `tensor` gives; absent where that is not known. */
    inputs: z.array(TensorPort).optional(),
    /** What it gets. */
    outputs: z.array(TensorPort).optional(),
    /** Kind of device that runs it. */
    device: z.enum(['cpu', 'gpu', 'remote']).optional(),
    license: z.string().optional(),
    /** Time of the file or registration, Unix seconds. */
    created: z.int().min(0),
  })
  .meta({ id: 'ModelManifest' });
export type ModelManifest = z.infer<typeof ModelManifest>;
