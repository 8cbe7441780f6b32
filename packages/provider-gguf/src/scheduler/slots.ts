import type { Entry } from './admission.ts';
import type { CellOwner, SlotContent } from './prefix-store.ts';

/** A sequence in a slot. */
export interface Running {
  readonly entry: Entry;
  /** Prompt tokens evaluated so far, reused ones included. */
  fed: number;
  /** Sampled token that is not in the cache yet. */
  next: number | undefined;
  /** Tokens that are guessed to follow it. */
  guesses: readonly number[];
  /** How long so many others that generate may pause for a piece of its prompt, milliseconds; undefined before it had to be known. */
  pause: { readonly of: number; readonly ms: number } | undefined;
  /** Tokens of the answer. */
  answered: number;
  /** Why it cannot go on yet: another slot evaluates what it begins with, or a saved state is being made ready. */
  waits: Wait | 'saved' | undefined;
  /** Position that no piece of the prompt may cross. */
  stop: number | undefined;
}

/** For the first `shared` tokens of what another slot evaluates; without a slot: it has to look again. */
interface Wait {
  readonly source: { readonly slot: Slot; readonly running: Running } | undefined;
  readonly shared: number;
}

/** A place for one sequence in the context. */
export interface Slot {
  /** The id of its sequence. */
  readonly id: number;
  /** Tokens whose keys and values its cells hold. */
  cached: number[];
  /** Where the context was shifted, how many of its first cells are as if that had not been: only these may be used again. */
  intact: number | undefined;
  /** Whose cells they are. */
  owner: CellOwner;
  /** The last step that it was in; 0: none. */
  lastUsed: number;
  running: Running | undefined;
  /** A copy to or from it takes place in the next step. */
  copying: boolean;
}

export const newSlot = (id: number): Slot => ({
  id,
  cached: [],
  intact: undefined,
  owner: { tenant: '', group: undefined },
  lastUsed: 0,
  running: undefined,
  copying: false,
});

export const newRunning = (entry: Entry): Running => ({
  entry,
  fed: 0,
  next: undefined,
  guesses: [],
  pause: undefined,
  answered: 0,
  waits: undefined,
  stop: undefined,
});

export const contentOf = ({ id, owner, cached }: Slot): SlotContent => ({ slot: id, ...owner, tokens: cached });
