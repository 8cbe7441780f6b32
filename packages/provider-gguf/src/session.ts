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
} from '@golek/providers-spi';
import type { Embedder } from './embeddings.ts';
import { generate, type Generator } from './generate.ts';
import type { EngineModel } from './engine.ts';

/** The parts of an open model; absent where the model cannot do it. */
export interface SessionParts {
  readonly manifest: ModelManifest;
  readonly model: EngineModel;
  readonly contextSize: number;
  readonly parallel: number;
  readonly generator: Generator | undefined;
  readonly embedder: Embedder | undefined;
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
    };
  }

  get manifest(): ModelManifest {
    return this.#parts.manifest;
  }

  async *run(request: InferenceRequest, context: RunContext): AsyncGenerator<InferenceEvent, void> {
    const { signal } = context;
    const { manifest, model, generator, embedder } = this.#parts;
    if (this.#closing) throw new GolekError('shutting_down', `model '${manifest.name}' is being unloaded`);
    if (signal.aborted) throw GolekError.from(signal.reason, 'cancelled');
    refuseUnsupported(request, manifest.name, this.capabilities);
    switch (request.task) {
      case 'generate':
        if (generator) return yield* generate(generator, request, context);
        break;
      case 'embed':
        if (embedder) return yield* embedder.run(request, context);
        break;
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
    const { generator, embedder } = this.#parts;
    const load = generator?.loop.load ?? embedder?.load;
    const failure = generator?.loop.lastFailure;
    return {
      ...(failure ? { status: 'degraded', reason: failure.message } : { status: 'ok' }),
      ...(load && { load }),
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { generator, embedder, model } = this.#parts;
    await Promise.all([generator?.loop[Symbol.asyncDispose](), embedder?.[Symbol.asyncDispose]()]);
    await model.dispose();
    this.#onClosed();
  }
}

/** Events of work that evaluates no token. */
const counted = function* (...events: InferenceEvent[]): Iterable<InferenceEvent> {
  yield* events;
  yield { type: 'usage', usage: { promptTokens: 0, completionTokens: 0 } };
};

const TOOL_OPTIONS: readonly RequestOption[] = ['tools', 'toolChoice', 'parallelToolCalls'];

const optionsOf = ({ generator, embedder }: SessionParts): RequestOption[] =>
  REQUEST_OPTIONS.filter((option) => {
    if (option === 'input.image') return false;
    if (option === 'dimensions') return embedder !== undefined;
    if (option === 'input.tokens') return true;
    if (!generator) return false;
    if (option === 'input.chat') return generator.template !== undefined;
    return !TOOL_OPTIONS.includes(option) || (generator.template !== undefined && generator.toolCalls !== undefined);
  });
