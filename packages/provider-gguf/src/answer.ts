import type { FinishReason, GolekError, InferenceEvent, TokenLogprob } from '@golek/providers-spi';
import { StopStrings } from '@golek/providers-spi/generation';
import type { TokenSampler } from './binding.ts';
import type { Sequence } from './scheduler/scheduler.ts';
import type { ReasoningSplitter } from './reasoning-splitter.ts';
import type { AnswerTimes } from './run-times.ts';
import { StreamingUtf8 } from './text-decoder.ts';
import type { TokenBytes } from './token-bytes.ts';
import { logprobOf, type Observation } from './token-logprobs.ts';
import type { AnswerPiece, ToolCallParser } from './tool-calls.ts';

/** What one answer is made with. */
export interface AnswerSetup {
  readonly choice: number;
  readonly prompt: Uint32Array;
  readonly sampler: TokenSampler;
  /** Of adapters that it is generated with. */
  readonly group?: string | undefined;
  /** Most tokens that the answer may have. */
  readonly limit: number;
  readonly stops: readonly string[];
  /**
   * True when a grammar holds the answer. llama.cpp's grammars take any byte for the rest of a character that a token has begun, so text with
   * broken characters would pass for what the grammar asks, and is an error instead.
   */
  readonly constrained: boolean;
  /** Absent: nothing is reasoning. */
  readonly reasoning: ReasoningSplitter | undefined;
  /** Absent: everything is text. */
  readonly toolCalls: ToolCallParser | undefined;
  /** How many alternatives each token's log-probabilities name; undefined: none are wanted. */
  readonly logprobs: number | undefined;
  /** True: the probability of the answer is wanted. */
  readonly rated: boolean;
  readonly bytes: TokenBytes;
  /** Texts of control tokens that mark parts of the answer; those of others are left out. */
  readonly markers: ReadonlyMap<number, Uint8Array>;
  /** True for a token that ends the answer and is no part of it. */
  readonly isEnd: (token: number) => boolean;
  readonly newToolCallId: () => string;
  /** True while events should not become more. */
  readonly isFull: () => boolean;
  readonly onEvent: (event: Extract<InferenceEvent, { readonly choice: number }>) => void;
  readonly onShift: (discarded: number) => void;
  /** The limit of tokens came within a tool call that has no name yet; nothing of it was given out. */
  readonly onCutCall: () => void;
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
  /** Length of the raw text so far, reasoning left out, UTF-16 units. */
  #length = 0;
  #calls = 0;
  #tokens = 0;
  #reasoningTokens = 0;
  /** Tokens of which it is not known yet whether they are reasoning. */
  #undecided = 0;
  /** Sum and number of the log-probabilities that were observed, the token that ended the answer included. */
  #logprobs = 0;
  #observed = 0;
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

  get limit(): number {
    return this.#setup.limit;
  }

  get group(): string | undefined {
    return this.#setup.group;
  }

  get sampler(): TokenSampler {
    return this.#setup.sampler;
  }

  get observe(): number | undefined {
    return this.#setup.logprobs ?? (this.#setup.rated ? 0 : undefined);
  }

  /** Mean log-probability of its tokens, where that was asked for. */
  get meanLogprob(): number {
    return this.#observed === 0 ? Number.NEGATIVE_INFINITY : this.#logprobs / this.#observed;
  }

  /** Tokens of the answer so far. The token that ends it is not one of them. */
  get tokens(): number {
    return this.#tokens;
  }

  /** Those of them that are reasoning, markers included. */
  get reasoningTokens(): number {
    return this.#reasoningTokens;
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
    const { bytes, limit, logprobs, rated, markers } = this.#setup;
    this.#firstTokenAt ??= performance.now();
    const logprob = observation && logprobOf(token, logprobs ?? 0, observation, bytes);
    if (logprob && rated) {
      this.#logprobs += logprob.logprob;
      this.#observed++;
    }
    if (this.#setup.isEnd(token)) {
      this.#end('stop');
      return false;
    }
    this.#tokens++;
    const text = this.#withoutReasoning(
      this.#utf8.push(markers.get(token) ?? bytes.of(token)),
      logprobs === undefined ? undefined : logprob,
    );
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

  onShift(discarded: number): void {
    this.#setup.onShift(discarded);
  }

  onError(error: GolekError): void {
    this.#setup.onError(error);
  }

  onRelease(): void {
    this.#setup.onRelease();
  }

  /** Gives out what of the next token's text is reasoning; returns what is of the answer. */
  #withoutReasoning(text: string, logprob: TokenLogprob | undefined): string {
    const splitter = this.#setup.reasoning;
    if (!splitter || splitter.place === 'answer') return this.#counted(text, logprob);
    const inGap = splitter.place === 'gap';
    const { reasoning, answer } = splitter.push(text);
    if (!splitter.thinks) {
      // Counted as answer until it turns out to be the opening marker.
      this.#undecided++;
      this.#counted(text, logprob);
      return answer;
    }
    if (!inGap) {
      this.#reasoningTokens += this.#undecided + 1;
      this.#undecided = 0;
      this.#length = 0;
      this.#pending = [];
    }
    if (reasoning !== '') this.#reason(reasoning);
    return answer === '' ? '' : this.#counted(answer, inGap ? logprob : undefined);
  }

  #counted(text: string, logprob: TokenLogprob | undefined): string {
    if (logprob) this.#pending.push({ start: this.#length, logprob });
    this.#length += text.length;
    return text;
  }

  #reason(text: string): void {
    const { choice, onEvent } = this.#setup;
    onEvent({ type: 'reasoning', choice, text });
  }

  #end(reason: 'stop' | 'length'): void {
    const rest = this.#setup.reasoning?.end();
    if (rest && rest.reasoning !== '') this.#reason(rest.reasoning);
    const { text: certain, stop } = this.#stops.push(rest?.answer ?? '');
    if (certain !== '') this.#emit(this.#toolCalls.push(certain));
    if (stop === undefined) this.#endAnswer(reason);
    else {
      this.#emit(this.#toolCalls.end());
      this.#finish('stop', stop);
    }
  }

  #endAnswer(reason: 'stop' | 'length'): void {
    const held = this.#stops.end();
    if (held !== '') this.#emit(this.#toolCalls.push(held));
    this.#emit(this.#toolCalls.end(reason === 'length'));
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
        case 'cut':
          this.#setup.onCutCall();
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
