import {
  ProviderWork,
  type Health,
  type ModelManifest,
  type ModelSession,
  type ModelSource,
  type OpenOptions,
  type Provider,
} from '@golek/providers-spi';
import { DEFAULT_ID, ONNX_CAPABILITIES } from './capabilities.ts';
import { portsOf, refusePorts } from './graph-ports.ts';
import { requireMemory } from './memory.ts';
import { readOnnxFile, type OnnxFile } from './onnx-file.ts';
import { manifestOf } from './onnx-manifest.ts';
import { RuntimeGraph } from './open-graph.ts';
import { checkProviderOptions, resolveOptions, type OnnxProviderOptions, type ResolvedOptions } from './options.ts';
import { loadModel } from './runtime.ts';
import { OnnxSession } from './session.ts';
import { openTasks } from './tasks/open-tasks.ts';
import { readTasks, type TaskPlan } from './tasks/task-plan.ts';
import { warmUp } from './warm-up.ts';

/** Tokens of a batch for which memory is near a CPU core: with four times as many, a token took up to a fifth longer (docs/adr/0026). */
const TOKENS_A_THREAD = 512;
const MOST_BATCH_TOKENS = 4_096;

/** Runs ONNX models with ONNX Runtime in this process. */
export class OnnxProvider implements Provider {
  readonly id: string;
  readonly capabilities = ONNX_CAPABILITIES;
  readonly #options: OnnxProviderOptions;
  readonly #work: ProviderWork;
  readonly #sessions = new Set<OnnxSession>();

  constructor(options: OnnxProviderOptions = {}) {
    checkProviderOptions(options);
    this.id = options.id ?? DEFAULT_ID;
    this.#options = options;
    this.#work = new ProviderWork(this.id, () => 'internal');
  }

  async inspect(source: ModelSource, { signal }: { readonly signal: AbortSignal }): Promise<ModelManifest> {
    const options = resolveOptions(this.#options, source.name, source.options);
    return this.#work.run(signal, async (ends) => {
      const file = await readOnnxFile(source.location, ends);
      return manifestOf(source, this.id, file, await planOf(source.name, file, options, ends));
    });
  }

  async open(source: ModelSource, given: OpenOptions): Promise<ModelSession> {
    const options = resolveOptions(this.#options, source.name, source.options);
    return this.#work.load(given.signal, (ends) => this.#load(source, options, ends, given));
  }

  async #load(
    source: ModelSource,
    options: ResolvedOptions,
    signal: AbortSignal,
    { onProgress, memoryLimitBytes }: Omit<OpenOptions, 'signal'>,
  ): Promise<ModelSession> {
    signal.throwIfAborted();
    const file = await readOnnxFile(source.location, signal);
    const { name } = source;
    refusePorts(name, file);
    const plan = await planOf(name, file, options, signal);
    const memoryBytes = await requireMemory(name, file.sizeBytes, memoryLimitBytes);
    signal.throwIfAborted();
    const model = await loadModel(name, file, options, this.#options.log);
    try {
      signal.throwIfAborted();
      const ports = portsOf(name, file, model.outputTypes);
      const graph = new RuntimeGraph(name, model, ports, options.queueLimit);
      const isCpu = model.executionProvider === 'cpu';
      if (options.warmUp) await warmUp(name, graph, this.#options.log, signal);
      const session: OnnxSession = new OnnxSession(
        {
          manifest: manifestOf(source, this.id, file, plan),
          graph,
          tasks: openTasks(plan, {
            name,
            graph: graph.unlimited,
            queueLimit: options.queueLimit,
            batchTokens: isCpu ? Math.min(MOST_BATCH_TOKENS, options.threads * TOKENS_A_THREAD) : MOST_BATCH_TOKENS,
          }),
          others: ports.others,
          device: isCpu ? 'cpu' : 'gpu',
          memoryBytes,
        },
        () => this.#sessions.delete(session),
      );
      this.#sessions.add(session);
      onProgress?.(1);
      return session;
    } catch (error) {
      await model.release();
      throw error;
    }
  }

  async health(): Promise<Health> {
    if (this.#work.closed) return { status: 'down', reason: 'the provider is closed' };
    return { status: 'ok' };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#work.close();
    await Promise.all([...this.#sessions].map((session) => session[Symbol.asyncDispose]()));
  }
}

/** What the model is for, by its files alone: the same before it is loaded and after. */
const planOf = (name: string, file: OnnxFile, options: ResolvedOptions, signal: AbortSignal): Promise<TaskPlan> =>
  readTasks(name, file.path, portsOf(name, file, new Map()), options.tasks, signal);
