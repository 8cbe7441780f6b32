import { RadixIndex } from './radix-index.ts';

export interface RecentPromptsLimits {
  readonly prompts: number;
  /** Of all of them together. */
  readonly tokens: number;
}

/**
 * An earlier prompt that ends so soon behind the common beginning is the same conversation, one turn before: templates end a prompt with a few tokens that the
 * next turn does not have. A question is longer.
 */
const TURN_END = 8;

/**
 * The last prompts, to tell which beginnings several requests have in common: a system prompt, the tools, a document. Where two prompts go
 * different ways is where the state of the cache is worth saving.
 */
export class RecentPrompts {
  readonly #limits: RecentPromptsLimits;
  readonly #index = new RadixIndex<number>();
  /** Number of a prompt and its tokens, the oldest first. */
  readonly #lengths = new Map<number, number>();
  /** Prompts that were added: the choices of one request come one by one with the same one. */
  readonly #seen = new WeakSet<Uint32Array>();
  #next = 0;
  #tokens = 0;

  constructor(limits: RecentPromptsLimits) {
    this.#limits = limits;
  }

  /** Whether it is the very prompt of an earlier choice of the same request. */
  has(prompt: Uint32Array): boolean {
    return this.#seen.has(prompt);
  }

  /**
   * Tokens of the longest beginning that this prompt has in common with an earlier one of the space and that is not just a conversation
   * going on: both go on differently behind it, or are equal.
   */
  branch(space: string, prompt: Uint32Array): number {
    if (this.#seen.has(prompt)) return 0;
    for (const { shared, length } of this.#index.matches(space, prompt)) {
      const equal = shared === prompt.length && shared === length;
      const goesOn = length - shared <= TURN_END || shared === prompt.length;
      if (equal || !goesOn) return shared;
    }
    return 0;
  }

  /** Tokens of an earlier prompt that this one goes on from, as the next turn of a conversation does; 0: there is none. */
  continued(space: string, prompt: Uint32Array): number {
    if (this.#seen.has(prompt)) return 0;
    for (const { shared, length } of this.#index.matches(space, prompt)) {
      if (shared < prompt.length && length - shared <= TURN_END) return shared;
    }
    return 0;
  }

  add(space: string, prompt: Uint32Array): void {
    if (this.#seen.has(prompt)) return;
    this.#seen.add(prompt);
    const number = this.#next++;
    this.#index.insert(space, number, prompt);
    this.#lengths.set(number, prompt.length);
    this.#tokens += prompt.length;
    for (const [oldest, length] of this.#lengths) {
      if (this.#lengths.size <= this.#limits.prompts && this.#tokens <= this.#limits.tokens) return;
      this.#index.remove(oldest);
      this.#lengths.delete(oldest);
      this.#tokens -= length;
    }
  }
}
