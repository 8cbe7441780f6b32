import {
  GolekError,
  type EmbedRequest,
  type InferenceEvent,
  type RunContext,
  type SessionLoad,
} from '@golek/providers-spi';
import type { EmbeddingContext, EngineModel } from './engine.ts';
import { spanOf } from './run-times.ts';

export interface EmbedderOptions {
  /** Registered name, for messages. */
  readonly name: string;
  /** Tokens that an input may have. */
  readonly contextSize: number;
  /** Tokens that one step evaluates. */
  readonly batchSize: number;
  /** Components of a vector. */
  readonly length: number | undefined;
  /** Runs that may wait for their turn. */
  readonly queueLimit: number;
}

/** Makes vectors, one input at a time, in a context of its own that is created with the first request. */
export class Embedder implements AsyncDisposable {
  readonly #model: EngineModel;
  readonly #options: EmbedderOptions;
  readonly #closing = new AbortController();
  #context: Promise<EmbeddingContext> | undefined;
  /** Ends when everything that came before has had its turn. */
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(model: EngineModel, options: EmbedderOptions) {
    this.#model = model;
    this.#options = options;
  }

  /** One input at a time is worked on; all that were asked for and are not done count as waiting beside it. */
  get load(): SessionLoad {
    return { running: Math.min(1, this.#waiting), waiting: Math.max(0, this.#waiting - 1) };
  }

  /** Vectors of length 1 in the order of the inputs, then the usage. */
  async *run(request: EmbedRequest, context: RunContext): AsyncGenerator<InferenceEvent, void> {
    const { signal, traceparent, onSpan } = context;
    const from = performance.now();
    const ends = AbortSignal.any([signal, this.#closing.signal]);
    const inputs = request.inputs.map((input, index) => this.#tokens(input, index));
    const { dimensions } = request;
    const { length } = this.#options;
    if (dimensions !== undefined && length !== undefined && dimensions > length) {
      throw new GolekError(
        'invalid_request',
        `'dimensions' is ${dimensions}; the vectors of model '${this.#options.name}' have ${length} components`,
        {
          details: { field: 'dimensions' },
        },
      );
    }
    let promptTokens = 0;
    let queueMs = 0;
    let prefillMs = 0;
    let error: GolekError | undefined = new GolekError('cancelled', 'the consumer stopped reading');
    try {
      for (const [index, tokens] of inputs.entries()) {
        const asked = performance.now();
        let began = asked;
        const made = await this.#inTurn(ends, () => {
          began = performance.now();
          return this.#embed(tokens, index, ends);
        });
        queueMs += began - asked;
        prefillMs += performance.now() - began;
        promptTokens += made.tokens;
        yield { type: 'embedding', index, vector: normalized(made.vector, dimensions) };
      }
      error = undefined;
    } catch (thrown) {
      error = GolekError.from(thrown);
      throw thrown;
    } finally {
      if (onSpan && traceparent !== undefined) {
        const attributes = { 'gen_ai.usage.input_tokens': promptTokens };
        onSpan(spanOf(traceparent, { name: 'embed', from, to: performance.now(), attributes, error }));
      }
    }
    yield { type: 'usage', usage: { promptTokens, completionTokens: 0, timings: { queueMs, prefillMs, decodeMs: 0 } } };
  }

  #tokens(input: string | readonly number[], index: number): readonly number[] {
    const tokens = typeof input === 'string' ? this.#model.tokenize(input, false) : input;
    const { size } = this.#model.vocabulary;
    const wrong = tokens.find((token) => token >= size);
    const field = `inputs[${index}]`;
    if (wrong !== undefined) {
      throw new GolekError(
        'invalid_request',
        `'${field}' has the token ${wrong}; the tokens of model '${this.#options.name}' are 0 to ${size - 1}`,
        { details: { field } },
      );
    }
    if (tokens.length === 0) throw new GolekError('invalid_request', `'${field}' is empty`, { details: { field } });
    return tokens;
  }

  async #embed(
    tokens: readonly number[],
    index: number,
    signal: AbortSignal,
  ): Promise<{ vector: readonly number[]; tokens: number }> {
    const { name, contextSize } = this.#options;
    this.#context ??= this.#open();
    const context = await this.#context;
    // The engine adds special tokens of its own and keeps one place free.
    const count = context.count(tokens);
    if (count >= contextSize) {
      throw new GolekError(
        'context_length_exceeded',
        `input ${index} has ${count} tokens; model '${name}' can embed at most ${contextSize - 1}`,
        {
          details: { input: index, promptTokens: count, contextLength: contextSize },
        },
      );
    }
    if (signal.aborted) throw GolekError.from(signal.reason, 'cancelled');
    return { vector: await context.embed(tokens), tokens: count };
  }

  async #open(): Promise<EmbeddingContext> {
    try {
      return await this.#model.createEmbeddingContext(this.#options.batchSize, this.#closing.signal);
    } catch (cause) {
      this.#context = undefined;
      throw GolekError.from(cause, 'provider_failed');
    }
  }

  /** Runs work when all work before it is done. Throws `overloaded` when too much waits. */
  async #inTurn<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    if (signal.aborted) throw GolekError.from(signal.reason, 'cancelled');
    if (this.#waiting > this.#options.queueLimit) {
      throw new GolekError('overloaded', `${this.#waiting} inputs wait to be embedded, the most that may`, {
        details: { waiting: this.#waiting, queueLimit: this.#options.queueLimit },
      });
    }
    this.#waiting++;
    const before = this.#last;
    const turn = (async () => {
      await before;
      if (signal.aborted) throw GolekError.from(signal.reason, 'cancelled');
      return work();
    })().finally(() => this.#waiting--);
    this.#last = turn.catch(() => undefined);
    return abortable(turn, signal);
  }

  /** Ends runs with `shutting_down` after the input in progress and frees the context. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new GolekError('shutting_down', `model '${this.#options.name}' is being unloaded`));
    await this.#last;
    const context = await this.#context?.catch(() => undefined);
    this.#context = undefined;
    await context?.dispose();
  }
}

/** The result of the work, or the signal's error as soon as it is aborted. */
const abortable = <T>(work: Promise<T>, signal: AbortSignal): Promise<T> =>
  new Promise((resolve, reject) => {
    const abort = (): void => reject(GolekError.from(signal.reason, 'cancelled'));
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });

/** The first `dimensions` components, scaled to length 1; a zero vector stays one. */
export const normalized = (vector: readonly number[], dimensions = vector.length): Float32Array<ArrayBuffer> => {
  const part = vector.slice(0, dimensions);
  const norm = Math.hypot(...part);
  return Float32Array.from(part, (component) => (norm === 0 ? 0 : component / norm));
};
