import {
  GolekError,
  REQUEST_OPTIONS,
  refuseUnsupported,
  type Health,
  type InferenceEvent,
  type InferenceRequest,
  type ModelManifest,
  type ModelSession,
  type RequestOption,
  type RunContext,
  type SessionCapabilities,
  type SessionLoad,
  type SessionThreads,
} from '@golek/providers-spi';
import { takesThreads, type ThreadUser } from '@golek/providers-spi/machine';
import { embed } from './embeddings.ts';
import { generate, type Generator } from './generate.ts';
import type { EngineModel } from './engine.ts';
import { promptLength } from './generate-prompt.ts';
import type { RankingFacts } from './gguf-manifest.ts';
import { rerank } from './reranking.ts';
import type { VectorRuns } from './vector-runs.ts';

/** The parts of an open model; absent where the model cannot do it. */
export interface SessionParts {
  readonly manifest: ModelManifest;
  readonly model: EngineModel;
  readonly contextSize: number;
  /** What it takes of the machine's memory, a draft model included, as estimated. */
  readonly memoryBytes: number;
  readonly parallel: number;
  /** The model among those of this process that share the processors; undefined where they do not, or another process sees to it. */
  readonly threadUser: ThreadUser | undefined;
  readonly generator: Generator | undefined;
  /** For the tasks embed and rerank. */
  readonly vectors: VectorRuns | undefined;
  readonly ranking: RankingFacts;
}

/** An open GGUF model. */
export class GgufSession implements ModelSession {
  readonly capabilities: SessionCapabilities;
  readonly #parts: SessionParts;
  readonly #onClosed: () => void;
  #closing: Promise<void> | undefined;

  constructor(parts: SessionParts, onClosed: () => void) {
    this.#parts = parts;
    this.#onClosed = onClosed;
    this.capabilities = {
      tasks: parts.manifest.tasks,
      options: optionsOf(parts),
      contextLength: parts.contextSize,
      parallel: parts.parallel,
      device: parts.model.device,
      memoryBytes: parts.memoryBytes,
    };
  }

  get manifest(): ModelManifest {
    return this.#parts.manifest;
  }

  get threads(): SessionThreads {
    return this.#parts.model.threads;
  }

  async *run(request: InferenceRequest, context: RunContext): AsyncGenerator<InferenceEvent, void> {
    const user = takesThreads(request.task) ? this.#parts.threadUser : undefined;
    user?.begin();
    try {
      yield* this.#run(request, context);
    } finally {
      user?.end();
    }
  }

  async *#run(request: InferenceRequest, context: RunContext): AsyncGenerator<InferenceEvent, void> {
    const { signal } = context;
    const { manifest, model, generator, vectors, ranking } = this.#parts;
    const { name } = manifest;
    if (this.#closing) throw new GolekError('shutting_down', `model '${manifest.name}' is being unloaded`);
    if (signal.aborted) throw GolekError.from(signal.reason, 'cancelled');
    refuseUnsupported(request, manifest.name, this.capabilities);
    switch (request.task) {
      case 'generate':
        if (generator) return yield* generate(generator, request, context);
        break;
      case 'embed':
        if (vectors)
          return yield* embed({ name, model, runs: vectors, length: manifest.embeddingLength }, request, context);
        break;
      case 'rerank':
        if (vectors) return yield* rerank({ name, model, runs: vectors, ...ranking }, request, context);
        break;
      case 'count':
        if (!generator) break;
        yield* counted({ type: 'count', tokens: promptLength(generator, request.input) });
        return;
      case 'tokenize': {
        const { text, addSpecial = false, parseSpecial = false } = request;
        const tokens = model.tokenize(text, parseSpecial);
        if (addSpecial && model.beginning !== undefined && tokens[0] !== model.beginning)
          tokens.unshift(model.beginning);
        yield* counted({ type: 'tokens', tokens });
        return;
      }
      case 'detokenize': {
        const wrong = request.tokens.find((token) => token >= model.vocabulary.size);
        if (wrong !== undefined)
          throw new GolekError(
            'invalid_request',
            `'tokens' has ${wrong}; the tokens of model '${manifest.name}' are 0 to ${model.vocabulary.size - 1}`,
            { details: { field: 'tokens' } },
          );
        yield* counted(
          { type: 'text', choice: 0, text: model.detokenize(request.tokens) },
          { type: 'finish', choice: 0, reason: 'stop' },
        );
        return;
      }
    }
    throw new GolekError('unsupported', `model '${manifest.name}' does not support the task '${request.task}'`, {
      details: { task: request.task },
    });
  }

  health(): Health {
    if (this.#closing) return { status: 'down', reason: 'the model is being unloaded' };
    const { generator, vectors, model } = this.#parts;
    const load = together(generator?.scheduler.load, vectors?.load);
    const failure = generator?.scheduler.lastFailure;
    const recycle = generator?.grammars.recycle;
    return {
      ...(failure ? { status: 'degraded', reason: failure.message } : { status: 'ok' }),
      ...(load && { load: { ...load, threads: model.threads.now } }),
      ...(recycle && { recycle }),
    };
  }

  handover(): unknown {
    return this.#parts.generator?.grammars.handover;
  }

  takeOver(handover: unknown): void {
    this.#parts.generator?.grammars.takeOver(handover);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { generator, vectors, model } = this.#parts;
    await Promise.all([generator?.scheduler[Symbol.asyncDispose](), vectors?.[Symbol.asyncDispose]()]);
    this.#parts.threadUser?.leave();
    await model.dispose();
    this.#onClosed();
  }
}

/** The load of two parts of one model. */
const together = (one: SessionLoad | undefined, other: SessionLoad | undefined): SessionLoad | undefined =>
  one && other
    ? { ...one, running: one.running + other.running, waiting: one.waiting + other.waiting }
    : (one ?? other);

/** Events of work that evaluates no token. */
const counted = function* (...events: InferenceEvent[]): Iterable<InferenceEvent> {
  yield* events;
  yield { type: 'usage', usage: { promptTokens: 0, completionTokens: 0 } };
};

const optionsOf = ({ manifest, generator }: SessionParts): RequestOption[] =>
  REQUEST_OPTIONS.filter((option) => {
    if (generator?.scheduler.refuses.includes(option)) return false;
    switch (option) {
      case 'input.image':
      case 'input.audio':
        return false;
      case 'suffix':
        return generator?.model.infill !== undefined;
      case 'adapters':
        return generator !== undefined && generator.adapters.size > 0;
      case 'dimensions':
        return manifest.tasks.includes('embed');
      case 'input.tokens':
        return true;
      case 'input.chat':
      case 'templateOptions':
        return generator?.template !== undefined;
      case 'tools':
      case 'toolChoice':
      case 'parallelToolCalls':
        return generator?.template !== undefined && generator.toolCalls !== undefined;
      case 'reasoning.enabled':
        return generator?.template?.hasReasoningSwitch === true;
      case 'reasoning.effort':
        return generator?.template?.hasReasoningEffort === true;
      default:
        return generator !== undefined;
    }
  });
