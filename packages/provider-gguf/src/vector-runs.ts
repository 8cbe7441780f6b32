import { GolekError, type InferenceEvent, type RunContext, type SessionLoad } from '@golek/providers-spi';
import type { VectorContext } from './binding.ts';
import { FairTurns } from './fair-turns.ts';
import { spanOf } from './run-times.ts';

export interface VectorRunOptions {
  /** Registered name, for messages. */
  readonly name: string;
  /** Tokens that an input may have. */
  readonly contextSize: number;
  /** Runs that may wait for their turn. */
  readonly queueLimit: number;
}

/** The inputs of one run and what becomes of their vectors. */
export interface VectorWork {
  /** Name of the run's span. */
  readonly span: 'embed' | 'rerank';
  /** What an input is, for messages. */
  readonly what: 'input' | 'document';
  /** With their special tokens. */
  readonly inputs: readonly Uint32Array[];
  readonly event: (vector: Float64Array, index: number) => InferenceEvent;
}

/**
 * Makes vectors in a context of its own that is created with the first run. One input at a time is evaluated, because the binding gives
 * one vector for each batch; runs take turns, one input each, and tenants have equal shares.
 */
export class VectorRuns implements AsyncDisposable {
  readonly #create: (signal: AbortSignal) => Promise<VectorContext>;
  readonly #options: VectorRunOptions;
  readonly #closing = new AbortController();
  #context: Promise<VectorContext> | undefined;
  readonly #turns = new FairTurns();
  #runs = 0;

  constructor(create: (signal: AbortSignal) => Promise<VectorContext>, options: VectorRunOptions) {
    this.#create = create;
    this.#options = options;
  }

  /** One run at a time is worked on; the others count as waiting. */
  get load(): SessionLoad {
    return { running: Math.min(1, this.#runs), waiting: Math.max(0, this.#runs - 1) };
  }

  /**
   * The events of all inputs in their order, then the usage. Nothing is evaluated when an input is too long, or too many runs wait (`overloaded`).
   */
  async *run(work: VectorWork, context: RunContext): AsyncGenerator<InferenceEvent, void> {
    const { signal, traceparent, onSpan, tenant = '', priority = 0 } = context;
    const from = performance.now();
    const ends = AbortSignal.any([signal, this.#closing.signal]);
    for (const [index, tokens] of work.inputs.entries()) this.#checkLength(work, tokens.length, index);
    this.#enter();
    let promptTokens = 0;
    let queueMs = 0;
    let prefillMs = 0;
    let error: GolekError | undefined = new GolekError('cancelled', 'the consumer stopped reading');
    try {
      for (const [index, tokens] of work.inputs.entries()) {
        const asked = performance.now();
        let began = asked;
        const vector = await this.#turns.run({ tenant, priority }, tokens.length, ends, () => {
          began = performance.now();
          return this.#vector(tokens, ends);
        });
        queueMs += began - asked;
        prefillMs += performance.now() - began;
        promptTokens += tokens.length;
        yield work.event(vector, index);
      }
      error = undefined;
    } catch (thrown) {
      error = GolekError.from(thrown);
      throw error;
    } finally {
      this.#runs--;
      if (onSpan && traceparent !== undefined) {
        const attributes = { 'gen_ai.usage.input_tokens': promptTokens };
        onSpan(spanOf(traceparent, { name: work.span, from, to: performance.now(), attributes, error }));
      }
    }
    yield { type: 'usage', usage: { promptTokens, completionTokens: 0, timings: { queueMs, prefillMs, decodeMs: 0 } } };
  }

  #enter(): void {
    const { name, queueLimit } = this.#options;
    if (this.#runs > queueLimit) {
      throw new GolekError('overloaded', `${this.#runs} runs wait for model '${name}', the most that may`, {
        details: { waiting: this.#runs, queueLimit },
      });
    }
    this.#runs++;
  }

  #checkLength({ what }: VectorWork, promptTokens: number, index: number): void {
    const { name, contextSize: contextLength } = this.#options;
    if (promptTokens === 0)
      throw new GolekError('invalid_request', `${what} ${index} has no tokens, and this model puts none around it`, {
        details: { [what]: index },
      });
    if (promptTokens <= contextLength) return;
    throw new GolekError(
      'context_length_exceeded',
      `${what} ${index} has ${promptTokens} tokens with what is put around it; model '${name}' takes at most ${contextLength}`,
      { details: { [what]: index, promptTokens, contextLength } },
    );
  }

  async #vector(tokens: Uint32Array, signal: AbortSignal): Promise<Float64Array> {
    this.#context ??= this.#open();
    const context = await this.#context;
    if (signal.aborted) throw GolekError.from(signal.reason, 'cancelled');
    return context.vector(tokens, signal).catch((thrown: unknown) => {
      throw GolekError.from(thrown, signal.aborted ? 'cancelled' : 'provider_failed');
    });
  }

  async #open(): Promise<VectorContext> {
    try {
      return await this.#create(this.#closing.signal);
    } catch (cause) {
      this.#context = undefined;
      throw GolekError.from(cause, 'provider_failed');
    }
  }

  /** Ends runs with `shutting_down` after the input in progress and frees the context. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new GolekError('shutting_down', `model '${this.#options.name}' is being unloaded`));
    await this.#turns.idle;
    const context = await this.#context?.catch(() => undefined);
    this.#context = undefined;
    await context?.dispose();
  }
}
