import type { PrefixLoad } from '@golek/providers-spi';
import type { SequenceMemory } from '../binding.ts';

/** Whose cells they are. */
export interface CellOwner {
  readonly tenant: string;
  readonly group: string | undefined;
}

/** What one slot of the cache holds. */
export interface SlotContent extends CellOwner {
  readonly slot: number;
  readonly tokens: readonly number[];
}

/** Whole sequences to files and back; only while the scheduler waits for it, between steps. */
export type CellAccess = Pick<SequenceMemory, 'save' | 'load' | 'truncate' | 'firstPosition' | 'lastPosition'>;

/** A saved state that a prompt begins with. */
export interface SavedPrefix {
  /** Tokens that it shares with the prompt. */
  readonly length: number;
  /** How long restoring it is expected to take. */
  readonly costMs?: number;
  /** It cannot be used yet; when this is settled, it is looked for again. */
  readonly pending?: Promise<void>;
  /** Puts it in place of a slot's cells. Returns how many tokens the slot holds now, which may be more than it shares with the prompt; 0 when it did not work. */
  restore(cells: CellAccess, slot: number): Promise<number>;
}

/** States of sequences that outlive their slots. What is in the slots themselves the scheduler knows. */
export interface PrefixStore {
  /** For metrics. */
  readonly load?: Pick<PrefixLoad, 'restoredTokens' | 'savedStates' | 'savedBytes'>;
  /** The longest saved state of the owner that the prompt begins with, when it has more than `moreThan` tokens of it. */
  find(owner: CellOwner, prompt: Uint32Array, moreThan: number): SavedPrefix | undefined;
  /** A prompt begins in a slot that holds its first `kept` tokens. Returns a position, there or behind them, up to which it shall be evaluated before `reached` is called. */
  began?(slot: number, owner: CellOwner, prompt: Uint32Array, kept: number): number | undefined;
  /** That position, or the end of a prompt, is evaluated; tokens of the step have gone out. All generation waits for what it returns. */
  reached?(content: SlotContent, cells: CellAccess): Promise<void> | undefined;
  /** All but the first `keep` tokens of a slot are about to be dropped. All generation waits for what it returns; undefined: nothing is saved. */
  beforeDrop?(content: SlotContent, keep: number, cells: CellAccess): Promise<void> | undefined;
  /** The context is about to be freed. */
  onClose?(contents: readonly SlotContent[], cells: CellAccess): Promise<void>;
}
