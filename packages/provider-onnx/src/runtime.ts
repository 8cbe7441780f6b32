import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import type * as OnnxRuntime from 'onnxruntime-node';
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { GolekError, type Log } from '@golek/providers-spi';
import type { OnnxTensor, TensorType } from './graph.ts';
import type { OnnxFile } from './onnx-file.ts';
import type { ExecutionProvider, ResolvedOptions } from './options.ts';

// The one file that knows ONNX Runtime's binding. It is loaded with the first model: a process that only inspects files never runs its code.

type Binding = Pick<typeof OnnxRuntime, 'InferenceSession' | 'env' | 'listSupportedBackends'>;

/** The binding's name of each element type. */
const NAMES = {
  FP32: 'float32',
  FP64: 'float64',
  FP16: 'float16',
  INT8: 'int8',
  INT16: 'int16',
  INT32: 'int32',
  INT64: 'int64',
  UINT8: 'uint8',
  UINT16: 'uint16',
  UINT32: 'uint32',
  UINT64: 'uint64',
  BOOL: 'bool',
  BYTES: 'string',
} as const satisfies Record<TensorType, Tensor.Type>;

const TYPES: ReadonlyMap<string, TensorType> = new Map(
  (Object.keys(NAMES) as TensorType[]).map((type) => [NAMES[type], type]),
);

/** A model in ONNX Runtime. */
export interface LoadedModel {
  readonly executionProvider: ExecutionProvider;
  /** Types of the outputs as the runtime has inferred them; those that are no tensors are absent. */
  readonly outputTypes: ReadonlyMap<string, TensorType>;
  /** Holds the thread until the graph is done. Rejects with the runtime's own error. */
  run(feeds: Readonly<Record<string, OnnxTensor>>, wanted: readonly string[]): Promise<Record<string, OnnxTensor>>;
  release(): Promise<void>;
}

/** What is installed here, for people and tools. */
export interface RuntimeReport {
  readonly version: string;
  /** Execution providers whose libraries are here, the CPU last. That a device is there shows only when a model is loaded. */
  readonly executionProviders: readonly ExecutionProvider[];
}

/** What fails is thrown; lines on stderr would only say it again. */
const FATAL_ONLY = 4;

let loaded: Binding | undefined;

const binding = (): Binding => {
  if (loaded) return loaded;
  try {
    loaded = createRequire(import.meta.url)('onnxruntime-node') as Binding;
  } catch (cause) {
    throw new GolekError(
      'model_load_failed',
      `onnxruntime-node cannot be loaded on ${process.platform} ${process.arch}: ${(cause as Error).message}`,
      { cause },
    );
  }
  // What it says before a session is there: why a library of an execution provider cannot be loaded.
  loaded.env.logLevel = 'error';
  return loaded;
};

/** Execution providers that `auto` tries, in order. Nobody asked for WebGPU and TensorRT who did not name them. */
const AUTOMATIC: readonly ExecutionProvider[] = ['cuda', 'dml', 'coreml'];

/** Those that come as libraries of their own: the package has only what loads them. */
const LIBRARIES: Readonly<Partial<Record<ExecutionProvider, string>>> = {
  cuda: 'onnxruntime_providers_cuda',
  tensorrt: 'onnxruntime_providers_tensorrt',
};

const installed = (name: ExecutionProvider): boolean => {
  const library = LIBRARIES[name];
  if (library === undefined) return true;
  const main = createRequire(import.meta.url).resolve('onnxruntime-node');
  const folder = path.join(path.dirname(main), '..', 'bin', 'napi-v6', process.platform, process.arch);
  return existsSync(path.join(folder, process.platform === 'win32' ? `${library}.dll` : `lib${library}.so`));
};

const available = (): ExecutionProvider[] => {
  const known: readonly ExecutionProvider[] = ['cuda', 'tensorrt', 'dml', 'coreml', 'webgpu', 'cpu'];
  const built = new Set(
    binding()
      .listSupportedBackends()
      .map(({ name }) => name),
  );
  return known.filter((name) => built.has(name) && installed(name));
};

/** Loads the binding and says what it is. Throws `model_load_failed` where it does not work. */
export const reportRuntime = (): RuntimeReport => ({
  version: binding().env.versions.node ?? binding().env.versions.common,
  executionProviders: available(),
});

/**
 * Loads a model. Throws `model_invalid` with the runtime's words where the CPU cannot load it either, and `unsupported` for an execution provider that was asked for and
 * does not work here.
 */
export const loadModel = async (
  name: string,
  file: OnnxFile,
  options: ResolvedOptions,
  log: Log | undefined,
): Promise<LoadedModel> => {
  const wanted = options.executionProvider;
  const here = available();
  if (wanted === 'cpu') return load(file, options, 'cpu');
  if (wanted !== 'auto') {
    if (!here.includes(wanted)) throw notHere(name, wanted, 'its library is not installed', here);
    try {
      return await load(file, options, wanted);
    } catch (thrown) {
      // Which of the two is at fault shows on the CPU.
      await (await load(file, options, 'cpu')).release();
      throw notHere(name, wanted, (thrown as Error).message, here, thrown);
    }
  }
  for (const candidate of AUTOMATIC.filter((provider) => here.includes(provider))) {
    try {
      return await load(file, options, candidate);
    } catch (thrown) {
      log?.warn(
        { model: name, executionProvider: candidate, reason: (thrown as Error).message },
        `the model does not load with ${candidate}`,
      );
    }
  }
  log?.info(
    { model: name, executionProviders: here },
    'the model runs on the CPU: no other execution provider works here',
  );
  return load(file, options, 'cpu');
};

const notHere = (
  model: string,
  wanted: ExecutionProvider,
  why: string,
  known: readonly ExecutionProvider[],
  cause?: unknown,
): GolekError =>
  new GolekError(
    'unsupported',
    `model '${model}' cannot run with the execution provider '${wanted}' here: ${firstLine(why)}; leave executionProvider out, or use one of: ${known.join(', ')}`,
    { cause, details: { option: 'executionProvider', model, known } },
  );

const firstLine = (text: string): string => text.trim().split('\n', 1)[0] ?? '';

const load = async (file: OnnxFile, options: ResolvedOptions, provider: ExecutionProvider): Promise<LoadedModel> => {
  let session: InferenceSession;
  try {
    session = await binding().InferenceSession.create(file.path, {
      executionProviders: [provider],
      intraOpNumThreads: options.threads,
      interOpNumThreads: options.interOpThreads,
      executionMode: options.interOpThreads > 1 ? 'parallel' : 'sequential',
      graphOptimizationLevel: options.graphOptimization,
      logSeverityLevel: FATAL_ONLY,
    });
  } catch (cause) {
    throw new GolekError(
      'model_invalid',
      `ONNX Runtime cannot load '${file.path}'${provider === 'cpu' ? '' : ` with ${provider}`}: ${(cause as Error).message.trim()}`,
      { cause, details: { file: file.path } },
    );
  }
  return {
    executionProvider: provider,
    outputTypes: new Map(
      session.outputMetadata.flatMap((port) => {
        const type = port.isTensor ? TYPES.get(port.type) : undefined;
        return type ? [[port.name, type] as const] : [];
      }),
    ),
    async run(feeds, wanted) {
      const values = Object.create(null) as Record<string, Tensor>;
      for (const name in feeds) {
        const tensor = feeds[name];
        if (tensor) values[name] = toRuntime(tensor);
      }
      const results = await session.run(values, wanted, { logSeverityLevel: FATAL_ONLY });
      const outputs = Object.create(null) as Record<string, OnnxTensor>;
      for (const name of wanted) {
        const tensor = results[name];
        if (tensor) outputs[name] = fromRuntime(tensor);
      }
      return outputs;
    },
    release: () => session.release(),
  };
};

/**
 * The binding reads these four properties and nothing else. Its own class would turn the bits of FP16 into a Float16Array, which the same binding then reads as
 * having no bytes (1.30.0), and would check again what was checked before.
 */
const toRuntime = ({ type, dims, data }: OnnxTensor): Tensor =>
  ({ type: NAMES[type], data, dims, location: 'cpu' }) as unknown as Tensor;

const fromRuntime = (tensor: Tensor): OnnxTensor => {
  const type = TYPES.get(tensor.type);
  if (!type) throw new GolekError('provider_failed', `ONNX Runtime gave a tensor of the type ${tensor.type}`);
  const { data, dims } = tensor;
  if (type !== 'FP16') return { type, dims, data };
  const half = data as Uint16Array;
  return { type, dims, data: new Uint16Array(half.buffer, half.byteOffset, half.length) };
};
