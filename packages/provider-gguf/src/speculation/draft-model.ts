import type { BatchContext, SamplerFactory, TokenSampler } from '../binding.ts';
import type { GuessWanted, Speculation } from './speculation.ts';

export interface DraftModelParts {
  /** Of the small model, for it alone; it has a sequence for each slot of the large one. */
  readonly context: BatchContext;
  readonly samplers: SamplerFactory;
  /** False for tokens that are never guessed: those that end an answer, and those that the two models do not have in common. */
  readonly mayFollow: (token: number) => boolean;
  /** Frees the small model, after its context. */
  readonly dispose: () => Promise<void>;
}

interface Draft {
  /** The sequence so far. */
  readonly tokens: number[];
  /** What the small model's cache holds: the sequence's beginning, and perhaps guesses after it. */
  cached: number[];
}

/** A guess in the making. */
interface Guess {
  readonly slot: number;
  readonly draft: Draft;
  readonly limit: number;
  readonly tokens: number[];
}

/**
 * Guesses with a small model of the same vocabulary (Leviathan et al. 2023; Chen et al. 2023), greedily, all sequences in one batch. Where a sequence is new, its tokens
 * are evaluated one batch at a time before anything is guessed for it, so that a long prompt does not stop the others.
 */
export class DraftModel implements Speculation {
  readonly #parts: DraftModelParts;
  readonly #sampler: TokenSampler;
  readonly #drafts = new Map<number, Draft>();
  /** What the cache holds of slots whose sequence is gone: the next one may begin the same. */
  readonly #left = new Map<number, number[]>();

  constructor(parts: DraftModelParts) {
    this.#parts = parts;
    const greedy = { temperature: 0, topP: 1, topK: 0, minP: 0, seed: 0, logitBias: [] };
    this.#sampler = parts.samplers.create(greedy, undefined, parts.context.contextSize);
  }

  begin(slot: number, prompt: Uint32Array): void {
    this.#drafts.set(slot, { tokens: [...prompt], cached: this.#left.get(slot) ?? [] });
    this.#left.delete(slot);
  }

  extend(slot: number, tokens: readonly number[]): void {
    this.#drafts.get(slot)?.tokens.push(...tokens);
  }

  end(slot: number): void {
    const draft = this.#drafts.get(slot);
    if (draft) this.#left.set(slot, draft.cached);
    this.#drafts.delete(slot);
  }

  async propose(wanted: readonly GuessWanted[]): Promise<readonly (readonly number[])[]> {
    const guesses = wanted.map(({ slot, limit }) => this.#begun(slot, limit));
    const ready = await this.#catchUp(guesses.filter((guess) => guess !== undefined));
    for (let going = ready; going.length > 0;) going = await this.#guessOnce(going);
    return guesses.map((guess) => guess?.tokens ?? []);
  }

  #begun(slot: number, limit: number): Guess | undefined {
    const draft = this.#drafts.get(slot);
    if (!draft) return undefined;
    // A guess needs a cell for every token but the last.
    const room = this.#parts.context.contextSize - draft.tokens.length;
    if (room <= 0) return undefined;
    return { slot, draft, limit: Math.min(limit, room), tokens: [] };
  }

  /** Evaluates what the small model has not seen, at most one batch; gives the guesses whose first token was found. */
  async #catchUp(guesses: readonly Guess[]): Promise<Guess[]> {
    const { context } = this.#parts;
    let room = context.batchSize;
    const pieces: { guess: Guess; tokens: Uint32Array; whole: boolean }[] = [];
    for (const guess of guesses.toSorted((a, b) => a.slot - b.slot)) {
      const { slot, draft } = guess;
      // The last token is evaluated again where the cache has it all: its logits are what is wanted.
      const shared = Math.min(sharedLength(draft.cached, draft.tokens), draft.tokens.length - 1);
      if (shared < draft.cached.length) this.#cut(slot, draft, shared);
      const tokens = Uint32Array.from(draft.tokens.slice(draft.cached.length, draft.cached.length + room));
      if (tokens.length === 0) continue;
      room -= tokens.length;
      pieces.push({ guess, tokens, whole: draft.cached.length + tokens.length === draft.tokens.length });
    }
    if (pieces.length === 0) return [];
    const rows = pieces.map(({ guess, tokens, whole }) => ({
      guess,
      tokens,
      logitsFrom: whole ? tokens.length - 1 : tokens.length,
    }));
    return this.#evaluate(rows);
  }

  /** Evaluates the last guess of each and adds the next one; gives those that want more. */
  #guessOnce(going: readonly Guess[]): Promise<Guess[]> {
    const rows = going.flatMap((guess) => {
      const last = guess.tokens.at(-1);
      return last === undefined || guess.tokens.length >= guess.limit
        ? []
        : [{ guess, tokens: Uint32Array.of(last), logitsFrom: 0 }];
    });
    return rows.length === 0 ? Promise.resolve([]) : this.#evaluate(rows);
  }

  async #evaluate(
    pieces: readonly { readonly guess: Guess; readonly tokens: Uint32Array; readonly logitsFrom: number }[],
  ): Promise<Guess[]> {
    const { context, mayFollow } = this.#parts;
    context.begin(pieces.reduce((sum, { tokens }) => sum + tokens.length, 0));
    const rows = pieces.map(
      ({ guess, tokens, logitsFrom }) => context.add(guess.slot, guess.draft.cached.length, tokens, logitsFrom)[0],
    );
    await context.decode();
    const found: Guess[] = [];
    for (const [i, { guess, tokens }] of pieces.entries()) {
      for (const token of tokens) guess.draft.cached.push(token);
      const row = rows[i];
      if (row === undefined) continue;
      // One after the other: they share the sampler.
      const token = await context.sample(row, this.#sampler);
      if (!mayFollow(token)) continue;
      guess.tokens.push(token);
      found.push(guess);
    }
    return found;
  }

  #cut(slot: number, draft: Draft, length: number): void {
    const { context } = this.#parts;
    const kept = length > 0 && context.truncate(slot, length) ? length : 0;
    if (kept === 0) context.truncate(slot, 0);
    draft.cached.length = kept;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#drafts.clear();
    this.#parts.samplers.dispose(this.#sampler);
    await this.#parts.context.dispose();
    await this.#parts.dispose();
  }
}

const sharedLength = (a: readonly number[], b: readonly number[]): number => {
  const most = Math.min(a.length, b.length);
  for (let i = 0; i < most; i++) if (a[i] !== b[i]) return i;
  return most;
};

/** What of a vocabulary says whether two models mean the same by a token. */
interface TokenTable {
  readonly size: number;
  tokenText(token: number): string;
}

/**
 * Up to which token two models have the same ones; undefined when they do not. Models of one family pad their tables to different lengths, so what one has
 * more is not compared.
 */
export const sharedTokens = (a: TokenTable, b: TokenTable): number | undefined => {
  const size = Math.min(a.size, b.size);
  if (Math.abs(a.size - b.size) > MOST_PADDING) return undefined;
  for (let token = 0; token < size; token++) if (a.tokenText(token) !== b.tokenText(token)) return undefined;
  return size;
};

/** llama.cpp allows the same for its draft models. */
const MOST_PADDING = 128;
