import { createHash } from 'node:crypto';
import type { CellAccess, CellOwner, PrefixStore, SavedPrefix, SlotContent } from '../scheduler/prefix-store.ts';
import { RecentPrompts } from './recent-prompts.ts';
import { saveAfter } from './save-point.ts';
import { StateCache, type StateCacheOptions } from './state-cache.ts';

export interface SavedPrefixesOptions extends StateCacheOptions {
  /** Beginnings with fewer tokens are not worth a file. */
  readonly leastTokens?: number;
}

/** Beside 128 tokens of the prompt, a file, its check and its load cost nothing worth speaking of. */
const LEAST_TOKENS = 128;
/** A state that gives fewer tokens than this more than the slots have is not worth reading. */
const LEAST_GAIN = 32;
const RECENT = { prompts: 64, tokens: 1 << 18 };
/** Time that the end of a model may take for saving. */
const CLOSING_MS = 2_000;

/** What is known of the cells of a slot beside their tokens. */
interface SlotUse {
  readonly space: string;
  /** Tokens at their start that at least two requests used. */
  readonly reused: number;
  /** They are of a conversation that has gone on, and is likely to go on from all of them. */
  readonly continued: boolean;
  /** How many there are to be when they are saved; undefined: they are not. */
  saveAt: number | undefined;
}

/**
 * Decides what is saved: beginnings that at least two requests used. Three occasions to save: a prompt has a beginning in common with an earlier one and both go on
 * differently, or are equal (right after that prompt's evaluation); a slot is about to be overwritten whose beginning was reused; the model is closed
 * while a slot holds one. Requests with adapters neither save nor find: their names say nothing of their content.
 */
export class SavedPrefixes implements PrefixStore {
  readonly #states: StateCache;
  readonly #leastTokens: number;
  readonly #recent = new RecentPrompts(RECENT);
  readonly #slots = new Map<number, SlotUse>();

  private constructor(states: StateCache, leastTokens: number) {
    this.#states = states;
    this.#leastTokens = leastTokens;
  }

  /** Throws when the folder cannot be made or read. */
  static async open({ leastTokens = LEAST_TOKENS, ...options }: SavedPrefixesOptions): Promise<SavedPrefixes> {
    return new SavedPrefixes(await StateCache.open(options), leastTokens);
  }

  get load(): StateCache['load'] {
    return this.#states.load;
  }

  find(owner: CellOwner, prompt: Uint32Array, moreThan: number): SavedPrefix | undefined {
    if (owner.group !== undefined) return undefined;
    return this.#states.find(spaceOf(owner), prompt, moreThan + LEAST_GAIN);
  }

  began(slot: number, owner: CellOwner, prompt: Uint32Array, kept: number): number | undefined {
    this.#slots.delete(slot);
    if (owner.group !== undefined) return undefined;
    const space = spaceOf(owner);
    const branch = Math.min(this.#recent.branch(space, prompt), prompt.length - 1);
    // A further choice of a request, whose beginning another one has evaluated just now, is no second use of it.
    const reused = this.#recent.has(prompt) ? 0 : kept;
    const continued = this.#recent.continued(space, prompt) >= this.#leastTokens;
    this.#recent.add(space, prompt);
    const wanted = branch >= this.#leastTokens && !this.#covers(space, prompt.subarray(0, branch));
    const saveAt = wanted ? saveAfter({ branch, kept, prompt: prompt.length, uncut: this.#states.uncut }) : undefined;
    this.#slots.set(slot, { space, reused, continued, saveAt });
    return saveAt;
  }

  reached(content: SlotContent, cells: CellAccess): Promise<void> | undefined {
    const use = this.#slots.get(content.slot);
    if (use?.saveAt === undefined || content.tokens.length < use.saveAt) return undefined;
    const tokens = content.tokens.slice(0, use.saveAt);
    use.saveAt = undefined;
    if (content.tokens.length > tokens.length || this.#covers(use.space, tokens)) return undefined;
    return this.#states.save(use.space, tokens, content.slot, cells);
  }

  beforeDrop(content: SlotContent, keep: number, cells: CellAccess): Promise<void> | undefined {
    const use = this.#slots.get(content.slot);
    if (!use || !this.#worthKeeping(use, content, keep)) return undefined;
    return this.#states.save(use.space, content.tokens, content.slot, cells);
  }

  /** Saves what was reused, most of it first, as far as time allows, and ends when everything is in its place. */
  async onClose(contents: readonly SlotContent[], cells: CellAccess): Promise<void> {
    const ends = performance.now() + CLOSING_MS;
    const known = contents.flatMap((content) => {
      const use = this.#slots.get(content.slot);
      return use && this.#worthKeeping(use, content, 0) ? [{ use, content }] : [];
    });
    for (const { use, content } of known.sort((a, b) => b.use.reused - a.use.reused)) {
      if (performance.now() > ends) break;
      await this.#states.save(use.space, content.tokens, content.slot, cells);
      await this.#states.settled();
    }
    await this.#states.settled();
  }

  /** Whether enough of a slot that no state has would be lost but for its first `keep` tokens. */
  #worthKeeping({ space, reused, continued }: SlotUse, { tokens }: SlotContent, keep: number): boolean {
    const used = continued ? tokens.length : Math.min(reused, tokens.length);
    if (used - keep < this.#leastTokens) return false;
    return used - this.#states.covered(space, tokens.slice(0, used)) >= this.#leastTokens;
  }

  /** Whether a saved state, or one that is being saved, gives these tokens but for a few. */
  #covers(space: string, tokens: ArrayLike<number>): boolean {
    return this.#states.covered(space, tokens) > tokens.length - LEAST_GAIN;
  }
}

/** Names no tenant: it stands in files. */
const spaceOf = ({ tenant }: CellOwner): string => createHash('sha256').update(tenant).digest('hex');
