/** A place for one sequence in the KV cache. */
export interface SlotView {
  readonly id: number;
  readonly busy: boolean;
  /** Tokens whose keys and values the cache holds for this slot. */
  readonly cached: readonly number[];
  /** Greater for slots used later; 0 for one that was never used. */
  readonly lastUsed: number;
}

export interface SlotChoice {
  readonly id: number;
  /** Tokens at the start of the prompt that need not be evaluated again. */
  readonly shared: number;
}

/** What a cached token is worth beside one that has to be evaluated now: it may never be asked for again. */
const WORTH_OF_CACHED = 0.5;

/**
 * The free slot for a prompt, if there is one: where the tokens to evaluate and the cached tokens to drop cost least. So a conversation
 * goes on in its own slot, and a new one does not drop another's for a short beginning that they share.
 *
 * Of equal slots, one whose id is next to those that run comes first: llama.cpp decodes sequences with a gap between their ids in separate
 * passes. Then the one that was idle longest.
 */
export const chooseSlot = (slots: readonly SlotView[], prompt: ArrayLike<number>): SlotChoice | undefined => {
  const busy = slots.filter((slot) => slot.busy).map((slot) => slot.id);
  const [best] = slots
    .filter((slot) => !slot.busy)
    .map(({ id, cached, lastUsed }) => {
      const shared = sharedPrefix(cached, prompt);
      const cost = prompt.length - shared + WORTH_OF_CACHED * (cached.length - shared);
      const gap = busy.length === 0 ? 0 : Math.min(...busy.map((other) => Math.abs(other - id)));
      return { id, shared, cost, gap, lastUsed };
    })
    .sort((a, b) => a.cost - b.cost || a.gap - b.gap || a.lastUsed - b.lastUsed || a.id - b.id);
  return best && { id: best.id, shared: best.shared };
};

/** Tokens that cache and prompt share, short of the prompt's last one: that must be evaluated to have logits. */
const sharedPrefix = (cached: readonly number[], prompt: ArrayLike<number>): number => {
  const most = Math.min(cached.length, prompt.length - 1);
  let shared = 0;
  while (shared < most && cached[shared] === prompt[shared]) shared++;
  return Math.max(0, shared);
};
