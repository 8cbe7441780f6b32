import type { SequenceMemory } from '../binding.ts';
import type { Entry } from './admission.ts';
import type { ChunkBudget } from './chunk-budget.ts';
import type { CellOwner, PrefixStore, SavedPrefix } from './prefix-store.ts';
import { chooseSlot, sharedPrefix, sharedWith, type SlotChoice, type SlotView } from './slot-choice.ts';
import { contentOf, newRunning, type Running, type Slot } from './slots.ts';

export interface BeginningsOptions {
  readonly context: SequenceMemory;
  readonly slots: readonly Slot[];
  /** What evaluating and copying cost. */
  readonly budget: Pick<ChunkBudget, 'promptMs' | 'copyTokens'>;
  readonly prefixes: PrefixStore | undefined;
  readonly shareAcrossTenants: boolean;
  /** What a sequence waited for may be there. */
  readonly onReady: () => void;
}

/** Where a sequence begins, and the saved state that it could begin with. */
interface Beginning extends SlotChoice {
  readonly state: SavedPrefix | undefined;
}

/** Fewer shared tokens than this are sooner evaluated again than waited for. */
const LEAST_FOLLOWED = 16;
/** An owner that no request has. */
const NOBODY = '';

/**
 * Where the cells of a sequence come from before its prompt is evaluated: what its slot holds already, a copy of another slot's (also of one in use, and
 * where that still evaluates what both begin with, the sequence waits for it), or a saved state. Sequences see only cells of their own tenant and group.
 */
export class Beginnings {
  readonly #options: BeginningsOptions;
  #pendingCopies = 0;
  #hits = 0;
  #misses = 0;
  #reusedTokens = 0;

  constructor(options: BeginningsOptions) {
    this.#options = options;
  }

  /** Copies that take place in the next step. */
  get pendingCopies(): number {
    return this.#pendingCopies;
  }

  /** Sequences that began with cells of earlier ones, those that did not, and the prompt tokens that were not evaluated again. */
  get reuse(): { readonly hits: number; readonly misses: number; readonly reusedTokens: number } {
    return { hits: this.#hits, misses: this.#misses, reusedTokens: this.#reusedTokens };
  }

  /** Puts a sequence into the free slot that is best for it; there must be one. Throws after that what the engine throws. */
  async place(entry: Entry): Promise<Slot> {
    const choice = this.#choose(entry, this.#options.slots);
    const slot = this.#options.slots[choice.id] as Slot;
    slot.running = newRunning(entry);
    await this.#begin(slot, slot.running, choice);
    return slot;
  }

  /** Whether what a sequence waited for is there or will not come. */
  canGoOn({ waits, entry }: Running): boolean {
    if (waits === undefined || waits === 'saved' || entry.cancelled) return false;
    const { source, shared } = waits;
    if (!source || source.slot.running !== source.running || source.running.waits) return true;
    if (source.slot.cached.length >= shared) return true;
    // A sequence whose consumer does not read must not stop those that begin the same.
    return source.running.entry.cancelled || source.running.entry.sequence.isPaused();
  }

  /** Begins a sequence that waited, in the slot that it has. */
  async goOn(slot: Slot, running: Running): Promise<void> {
    slot.running = undefined;
    const choice = this.#choose(running.entry, [slot]);
    slot.running = running;
    await this.#begin(slot, running, choice);
  }

  /** The step that was planned after the copies has been made. */
  copiesMade(): void {
    this.#pendingCopies = 0;
    for (const slot of this.#options.slots) slot.copying = false;
  }

  /** Of some slots, the best one for a sequence and what it begins with. */
  #choose(entry: Entry, candidates: readonly Slot[]): Beginning {
    const { slots, budget, prefixes } = this.#options;
    const { prompt } = entry.sequence;
    const owner = this.#ownerOf(entry);
    const views = slots.map((slot) => this.#view(slot, candidates));
    const best = views.reduce((most, view) => Math.max(most, sharedWith(view, keyOf(owner), prompt)), 0);
    // What a copy would do in the next step must not meet what a restored state does at once.
    const state = this.#pendingCopies > 0 ? undefined : prefixes?.find(owner, prompt, best);
    const choice = chooseSlot(views, {
      owner: keyOf(owner),
      prompt,
      saved: state?.length ?? 0,
      savedCost: (state?.costMs ?? 0) / (budget.promptMs ?? Infinity),
      copyCost: budget.copyTokens,
    });
    if (!choice) throw new Error('no slot is free');
    return { ...choice, state };
  }

  #view(slot: Slot, candidates: readonly Slot[]): SlotView {
    const { id, cached, intact, running, lastUsed, owner } = slot;
    // Prompts in evaluation count as if they were there: others wait for them rather than evaluate them too.
    const coming = running && running.next === undefined && !running.waits && !running.entry.cancelled;
    const held = intact === undefined ? cached : cached.slice(0, intact);
    const content = coming && !running.entry.sequence.isPaused() ? running.entry.sequence.prompt : held;
    return {
      id,
      busy: running !== undefined || !candidates.includes(slot),
      // What waits has no cells of its own yet.
      owner: running?.waits ? NOBODY : keyOf(owner),
      content,
      ready: cached.length,
      // A window of attention that has moved on no longer holds what tokens behind a cut would look at.
      cuttable: this.#isCuttable(slot),
      lastUsed,
    };
  }

  /** Gets the beginning of a sequence's cells from where it is, or lets it wait for it. */
  async #begin(slot: Slot, running: Running, { from, shared, state }: Beginning): Promise<void> {
    const { slots } = this.#options;
    const { prompt } = running.entry.sequence;
    const own = this.#sharedBy(slot, running.entry);
    running.waits = undefined;
    let kept: number;
    if (from.kind === 'saved' && state?.pending) return this.#await(running, state.pending);
    if (from.kind === 'saved' && state) kept = await this.#restore(state, slot, prompt);
    else if (from.kind === 'slot') {
      const source = slots[from.id] as Slot;
      if (source.cached.length >= shared) kept = await this.#copy(source, slot, shared);
      else if (source.running && shared - own >= LEAST_FOLLOWED) {
        running.waits = { source: { slot: source, running: source.running }, shared };
        return;
      } else kept = await this.#cut(slot, own);
    } else kept = await this.#cut(slot, own);
    this.#start(slot, running, kept);
    if (running.stop !== kept || slot.copying) return;
    running.stop = undefined;
    await this.#options.prefixes?.reached?.(contentOf(slot), this.#options.context);
  }

  #await(running: Running, pending: Promise<void>): void {
    running.waits = 'saved';
    const look = (): void => {
      running.waits = { source: undefined, shared: 0 };
      this.#options.onReady();
    };
    pending.then(look, look);
  }

  #start(slot: Slot, running: Running, kept: number): void {
    const { entry } = running;
    const { prompt } = entry.sequence;
    slot.owner = this.#ownerOf(entry);
    slot.cached.length = kept;
    running.fed = kept;
    running.stop = this.#options.prefixes?.began?.(slot.id, slot.owner, prompt, kept);
    if (kept > 0) this.#hits++;
    else this.#misses++;
    this.#reusedTokens += kept;
    entry.sequence.onStart(kept);
  }

  /** Tokens at the start of the prompt that the slot's own cells hold. */
  #sharedBy(slot: Slot, entry: Entry): number {
    return keyOf(slot.owner) === keyOf(this.#ownerOf(entry)) ? sharedPrefix(slot.cached, entry.sequence.prompt) : 0;
  }

  async #cut(slot: Slot, wanted: number): Promise<number> {
    await this.#beforeDrop(slot, wanted);
    return this.#truncate(slot, wanted, slot.cached.length);
  }

  async #copy(source: Slot, slot: Slot, shared: number): Promise<number> {
    await this.#beforeDrop(slot, 0);
    await this.#options.context.copy(source.id, slot.id);
    source.copying = slot.copying = true;
    this.#pendingCopies++;
    slot.cached = source.cached.slice();
    return this.#truncate(slot, shared, slot.cached.length);
  }

  async #restore(state: SavedPrefix, slot: Slot, prompt: Uint32Array): Promise<number> {
    await this.#beforeDrop(slot, 0);
    const held = await state.restore(this.#options.context, slot.id);
    const shared = Math.min(held, state.length, prompt.length - 1);
    slot.cached = Array.from(prompt.subarray(0, shared));
    return this.#truncate(slot, shared, held);
  }

  /** Cuts a slot's cells, of which it has so many, down to the first `wanted`, or to nothing where the model cannot be cut there. */
  #truncate(slot: Slot, wanted: number, held: number): number {
    const { context } = this.#options;
    const possible = wanted === held || this.#isCuttable(slot);
    if (wanted > 0 && possible && context.truncate(slot.id, wanted)) return wanted;
    context.truncate(slot.id, 0);
    return 0;
  }

  #isCuttable({ id }: Slot): boolean {
    return this.#options.context.firstPosition(id) <= 0;
  }

  async #beforeDrop(slot: Slot, keep: number): Promise<void> {
    if (slot.copying || slot.cached.length <= keep) return;
    await this.#options.prefixes?.beforeDrop?.(contentOf(slot), keep, this.#options.context);
  }

  #ownerOf({ tenant, sequence }: Entry): CellOwner {
    return { tenant: this.#options.shareAcrossTenants ? '' : tenant, group: sequence.group };
  }
}

const keyOf = ({ tenant, group }: CellOwner): string => JSON.stringify([tenant, group]);
