import type { FinishReason, GolekError, InferenceEvent, TokenLogprob } from '@golek/providers-spi';
import type { TokenSampler } from './binding.ts';
import type { Sequence } from './decode-loop.ts';
import type { AnswerTimes } from './run-times.ts';
import { StopStrings } from './stop-strings.ts';
import { StreamingUtf8 } from './text-decoder.ts';
import type { TokenBytes } from './token-bytes.ts';
import { logprobOf, type Observation } from './token-logprobs.ts';
import type { AnswerPiece, ToolCallParser } from './tool-calls.ts';

/** What one answer is made with. */
export interface AnswerSetup {
  readonly choice: number;
  readonly prompt: Uint32Array;
  readonly sampler: TokenSampler;
  /** Most tokens that the answer may have. */
  readonly limit: number;
  readonly stops: readonly string[];
  /**
   * True when a grammar holds the answer. llama.cpp's grammars take any byte for the rest of a character that a token has begun, so text with
   * broken characters would pass for what the grammar asks, and is an error instead.
   */
  readonly constrained: boolean;
  /** Absent: everything is text. */
  readonly toolCalls: ToolCallParser | undefined;
  /** How many alternatives each token's log-probabilities name; undefined: none are wanted. */
  readonly logprobs: number | undefined;
  readonly bytes: TokenBytes;
  readonly isEndOfGeneration: (token: number) => boolean;
  readonly newToolCallId: () => string;
  /** True while events should not become more. */
  readonly isFull: () => boolean;
  readonly onEvent: (event: InferenceEvent) => void;
  readonly onError: (error: GolekError) => void;
  readonly onRelease: () => void;
}

/** Turns the tokens of one sequence into the events of one choice, and says when it has ended. */
export class Answer implements Sequence {
  readonly #setup: AnswerSetup;
  readonly #utf8: StreamingUtf8;
  readonly #stops: StopStrings;
  readonly #toolCalls: ToolCallParser;
  /** Log-probabilities of tokens whose text has not gone out, each with the place where its text starts. */
  #pending: { readonly start: number; readonly logprob: TokenLogprob }[] = [];
  /** Length of the raw text so far, UTF-16 units. */
  #length = 0;
  #calls = 0;
  #tokens = 0;
  #reused = 0;
  #startedAt: number | undefined;
  #firstTokenAt: number | undefined;
  #endedAt: number | undefined;

  constructor(setup: AnswerSetup) {
    this.#setup = setup;
    this.#utf8 = new StreamingUtf8(setup.constrained);
    this.#stops = new StopStrings(setup.stops);
    this.#toolCalls = setup.toolCalls ?? new AllText();
  }

  get prompt(): Uint32Array {
    return this.#setup.prompt;
  }

  get sampler(): TokenSampler {
    return this.#setup.sampler;
  }

  get observe(): number | undefined {
    return this.#setup.logprobs;
  }

  /** Tokens of the answer so far. The token that ends it is not one of them. */
  get tokens(): number {
    return this.#tokens;
  }

  /** Prompt tokens that were in the cache. */
  get reused(): number {
    return this.#reused;
  }

  get times(): AnswerTimes {
    return { startedAt: this.#startedAt, firstTokenAt: this.#firstTokenAt, endedAt: this.#endedAt };
  }

  isPaused(): boolean {
    return this.#setup.isFull();
  }

  onStart(reused: number): void {
    this.#reused = reused;
    this.#startedAt = performance.now();
  }

  onToken(token: number, observation: Observation | undefined): boolean {
    const { bytes, limit, logprobs } = this.#setup;
    this.#firstTokenAt ??= performance.now();
    if (this.#setup.isEndOfGeneration(token)) {
      this.#end('stop');
      return false;
    }
    this.#tokens++;
    if (observation && logprobs !== undefined) {
      this.#pending.push({ start: this.#length, logprob: logprobOf(token, logprobs, observation, bytes) });
    }
    const text = this.#utf8.push(bytes.of(token));
    this.#length += text.length;
    const { text: certain, stop } = this.#stops.push(text);
    if (certain !== '') this.#emit(this.#toolCalls.push(certain));
    if (stop !== undefined) {
      this.#emit(this.#toolCalls.end());
      this.#finish('stop', stop);
      return false;
    }
    if (this.#tokens < limit) return true;
    this.#end('length');
    return false;
  }

  onError(error: GolekError): void {
    this.#setup.onError(error);
  }

  onRelease(): void {
    this.#setup.onRelease();
  }

  #end(reason: 'stop' | 'length'): void {
    const held = this.#stops.end();
    if (held !== '') this.#emit(this.#toolCalls.push(held));
    this.#emit(this.#toolCalls.end());
    // Tokens without a text of their own, such as part of a character that was never completed.
    const rest = this.#takeLogprobs(Number.POSITIVE_INFINITY);
    if (rest.length > 0 && this.#calls === 0) this.#text('', rest);
    this.#finish(reason);
  }

  #finish(reason: 'stop' | 'length', stop?: string): void {
    const { choice, onEvent } = this.#setup;
    this.#endedAt = performance.now();
    const said: FinishReason = reason === 'stop' && this.#calls > 0 ? 'tool-calls' : reason;
    onEvent({ type: 'finish', choice, reason: said, ...(stop !== undefined && { stop }) });
  }

  #emit(pieces: readonly AnswerPiece[]): void {
    const { choice, onEvent, newToolCallId } = this.#setup;
    for (const piece of pieces) {
      const logprobs = this.#takeLogprobs(piece.until);
      switch (piece.type) {
        case 'text':
          this.#text(piece.text, logprobs);
          break;
        case 'call':
          onEvent({
            type: 'tool-call',
            choice,
            index: this.#calls++,
            id: newToolCallId(),
            name: piece.name,
            arguments: '',
          });
          break;
        case 'arguments':
          onEvent({ type: 'tool-call', choice, index: this.#calls - 1, arguments: piece.text });
          break;
      }
    }
  }

  #text(text: string, logprobs: TokenLogprob[]): void {
    const { choice, onEvent } = this.#setup;
    onEvent({ type: 'text', choice, text, ...(this.#setup.logprobs !== undefined && { logprobs }) });
  }

  /** Log-probabilities of the tokens that start before a place in the raw text. */
  #takeLogprobs(until: number): TokenLogprob[] {
    const first = this.#pending.findIndex(({ start }) => start >= until);
    const taken = this.#pending.splice(0, first < 0 ? this.#pending.length : first);
    return taken.map(({ logprob }) => logprob);
  }
}

/** For answers that cannot call tools. */
class AllText implements ToolCallParser {
  #length = 0;

  push(text: string): AnswerPiece[] {
    this.#length += text.length;
    return [{ type: 'text', text, until: this.#length }];
  }

  end(): AnswerPiece[] {
    return [];
  }
}
