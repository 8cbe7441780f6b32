import {
  GolekError,
  refuseUnsupported,
  type Health,
  type InferenceEvent,
  type InferenceRequest,
  type ModelManifest,
  type ModelSession,
  type RunContext,
  type SessionCapabilities,
} from '@golek/providers-spi';
import type { OtherPort } from './graph-ports.ts';
import type { RuntimeGraph } from './open-graph.ts';
import type { OnnxTasks } from './tasks/open-tasks.ts';
import { feedsOf, namedTensor, wantedOutputs } from './tensors.ts';

/** The parts of an open model. */
export interface SessionParts {
  readonly manifest: ModelManifest;
  readonly graph: RuntimeGraph;
  /** Undefined where the model takes and gives nothing but tensors. */
  readonly tasks: OnnxTasks | undefined;
  readonly others: readonly OtherPort[];
  readonly device: 'cpu' | 'gpu';
  /** What it takes of the machine's memory, as estimated. */
  readonly memoryBytes: number;
}

/** An open ONNX model. */
export class OnnxSession implements ModelSession {
  readonly capabilities: SessionCapabilities;
  readonly #parts: SessionParts;
  readonly #onClosed: () => void;
  #closing: Promise<void> | undefined;

  constructor(parts: SessionParts, onClosed: () => void) {
    this.#parts = parts;
    this.#onClosed = onClosed;
    const { manifest, tasks, device, memoryBytes } = parts;
    const { contextLength } = manifest;
    this.capabilities = {
      tasks: manifest.tasks,
      options: tasks?.options ?? [],
      ...(contextLength !== undefined && { contextLength }),
      parallel: tasks?.parallel ?? 1,
      device,
      memoryBytes,
    };
  }

  get manifest(): ModelManifest {
    return this.#parts.manifest;
  }

  async *run(request: InferenceRequest, context: RunContext): AsyncGenerator<InferenceEvent, void> {
    const { manifest, graph, tasks, others } = this.#parts;
    const { name } = manifest;
    const { signal } = context;
    this.#refuseEnded(signal);
    refuseUnsupported(request, name, this.capabilities);
    if (request.task !== 'tensor') {
      if (!tasks) throw new GolekError('unsupported', `model '${name}' does not do '${request.task}'`);
      yield* tasks.run(request, context);
      return;
    }
    const wanted = wantedOutputs(name, graph.outputs, others, request.outputs);
    const feeds = feedsOf(name, graph.inputs, request.inputs);
    const outputs = await graph.run(feeds, wanted, signal);
    for (const output of wanted) {
      const tensor = outputs[output];
      if (!tensor) throw new GolekError('provider_failed', `model '${name}' gave no output '${output}'`);
      yield { type: 'tensor', tensor: namedTensor(output, tensor) };
      this.#refuseEnded(signal);
    }
    yield { type: 'usage', usage: { promptTokens: 0, completionTokens: 0 } };
  }

  health(): Health {
    if (this.#closing) return { status: 'down', reason: 'the model is being unloaded' };
    const { graph, tasks } = this.#parts;
    const { running, waiting } = graph.load;
    const load = tasks
      ? { ...tasks.load, running: running + tasks.load.running, waiting: waiting + tasks.load.waiting }
      : graph.load;
    return { status: 'ok', load };
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { graph, tasks } = this.#parts;
    await tasks?.[Symbol.asyncDispose]();
    await graph[Symbol.asyncDispose]();
    this.#onClosed();
  }

  #refuseEnded(signal: AbortSignal): void {
    if (this.#closing) throw new GolekError('shutting_down', `model '${this.manifest.name}' is being unloaded`);
    if (signal.aborted) throw GolekError.from(signal.reason, 'cancelled');
  }
}
