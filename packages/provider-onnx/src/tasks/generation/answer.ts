import type { InferenceEvent, TokenCandidate, TokenLogprob } from '@golek/providers-spi';
import { StopStrings } from '@golek/providers-spi/generation';
import type { TokenBytes } from '../../text/token-bytes.ts';
import type { Evaluated } from './cached-graph.ts';
import { greatest } from './greatest.ts';
import type { Sampler } from './sampler.ts';

export interface AnswerSetup {
  readonly choice: number;
  readonly sampler: Sampler;
  readonly bytes: TokenBytes;
  /** Most tokens. */
  readonly limit: number;
  readonly stops: readonly string[];
  /** Tokens that end it and are no part of it. */
  readonly ends: ReadonlySet<number>;
  /** How many alternatives each token's log-probabilities name; undefined: none are wanted. */
  readonly logprobs: number | undefined;
}

/** One answer in the making. */
export class Answer {
  /** What it goes on from, and the logits for its next token. */
  at: { readonly evaluated: Evaluated; readonly logits: ArrayLike<number> };
  readonly #setup: AnswerSetup;
  readonly #stops: StopStrings;
  readonly #utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
  /** Log-probabilities of tokens whose text has not gone out, each with the place where its text starts. */
  #pending: { readonly start: number; readonly logprob: TokenLogprob }[] = [];
  #read = 0;
  #given = 0;
  #tokens = 0;

  constructor(setup: AnswerSetup, at: Answer['at']) {
    this.#setup = setup;
    this.#stops = new StopStrings(setup.stops);
    this.at = at;
  }

  get tokens(): number {
    return this.#tokens;
  }

  /** Chooses the next token: what it adds to the answer, and the token itself while the answer goes on. */
  next(): { readonly events: readonly InferenceEvent[]; readonly token: number | undefined } {
    const { sampler, ends, bytes, limit, logprobs } = this.#setup;
    const token = sampler.sample(this.at.logits);
    if (ends.has(token)) return { events: this.#end('stop'), token: undefined };
    this.#tokens++;
    if (logprobs !== undefined)
      this.#pending.push({ start: this.#read, logprob: logprobOf(token, logprobs, this.at.logits, bytes) });
    const text = this.#utf8.decode(bytes.of(token), { stream: true });
    this.#read += text.length;
    const { text: certain, stop } = this.#stops.push(text);
    const events = certain === '' ? [] : [this.#text(certain)];
    if (stop !== undefined) return { events: [...events, this.#finish('stop', stop)], token: undefined };
    if (this.#tokens < limit) return { events, token };
    return { events: [...events, ...this.#end('length')], token: undefined };
  }

  #end(reason: 'stop' | 'length'): InferenceEvent[] {
    const held = this.#stops.end();
    const events = held === '' ? [] : [this.#text(held)];
    // Of tokens without a text of their own, such as part of a character that was never completed.
    const rest = this.#takeLogprobs(Infinity);
    if (rest.length > 0) events.push({ type: 'text', choice: this.#setup.choice, text: '', logprobs: rest });
    return [...events, this.#finish(reason)];
  }

  #text(text: string): InferenceEvent {
    this.#given += text.length;
    const { choice, logprobs } = this.#setup;
    const taken = this.#takeLogprobs(this.#given);
    return { type: 'text', choice, text, ...(logprobs !== undefined && { logprobs: taken }) };
  }

  #finish(reason: 'stop' | 'length', stop?: string): InferenceEvent {
    return { type: 'finish', choice: this.#setup.choice, reason, ...(stop !== undefined && { stop }) };
  }

  #takeLogprobs(until: number): TokenLogprob[] {
    const first = this.#pending.findIndex(({ start }) => start >= until);
    return this.#pending.splice(0, first < 0 ? this.#pending.length : first).map(({ logprob }) => logprob);
  }
}

const lossy = new TextDecoder('utf-8', { ignoreBOM: true });

/** Natural-log probabilities of a token and the `top` most probable ones, of the model's own distribution. */
const logprobOf = (token: number, top: number, logits: ArrayLike<number>, bytes: TokenBytes): TokenLogprob => {
  let most = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < logits.length; id++) most = Math.max(most, logits[id] as number);
  let weight = 0;
  for (let id = 0; id < logits.length; id++) weight += Math.exp((logits[id] as number) - most);
  const candidate = (id: number): TokenCandidate => {
    const own = bytes.of(id);
    return { id, text: lossy.decode(own), bytes: [...own], logprob: (logits[id] as number) - most - Math.log(weight) };
  };
  return { ...candidate(token), top: greatest(logits, top).map(candidate) };
};
