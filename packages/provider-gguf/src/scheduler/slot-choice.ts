/** A place for one sequence in the KV cache. */
export interface SlotView {
  readonly id: number;
  readonly busy: boolean;
  /** Whose cells they are; others may not see them. */
  readonly owner: string;
  /** Tokens that the cells hold, or will hold when the prompt that is evaluated now is done. */
  readonly content: ArrayLike<number>;
  /** How many of them the cells hold now. */
  readonly ready: number;
  /** Whether the cells can be cut to a part of what they hold. */
  readonly cuttable: boolean;
  /** Greater for slots used later; 0 for one that was never used. */
  readonly lastUsed: number;
}

export interface SlotRequest {
  readonly owner: string;
  readonly prompt: ArrayLike<number>;
  /** Tokens at the start of the prompt that a saved state holds; 0: none. */
  readonly saved: number;
  /** What restoring it costs, in prompt tokens evaluated in the same time. */
  readonly savedCost: number;
  /** What copying a sequence costs, in the same unit; Infinity: it cannot be done. */
  readonly copyCost: number;
}

/** The slot for a prompt, and where the beginning of its cells comes from. */
export interface SlotChoice {
  readonly id: number;
  /** `own`: what is there; `slot`: cells of another one; `saved`: a saved state. */
  readonly from: { readonly kind: 'own' } | { readonly kind: 'slot'; readonly id: number } | { readonly kind: 'saved' };
  /** Tokens at the start of the prompt that need not be evaluated again. */
  readonly shared: number;
}

/** What a cached token is worth beside one that has to be evaluated now: it may never be asked for again. */
const WORTH_OF_CACHED = 0.5;
/**
 * What a gap between the ids of running sequences costs, in prompt tokens: llama.cpp then evaluates them in two passes, which was measured at 30% of the
 * tokens per second of seven sequences.
 */
const COST_OF_GAP = 256;

/**
 * The free slot for a prompt, if there is one: where the tokens to evaluate, the cells to copy or restore and the cached tokens to drop cost least, and no gap
 * comes between the slots in use. So a conversation goes on in its own slot, and a new one does not drop another's for a short beginning that
 * they share. Of equal slots the one that was idle longest is taken, then the lowest.
 */
export const chooseSlot = (slots: readonly SlotView[], request: SlotRequest): SlotChoice | undefined => {
  const { owner, prompt, saved, savedCost, copyCost } = request;
  const busy = slots.filter((slot) => slot.busy).map((slot) => slot.id);
  const shares = slots.map((slot) => sharedWith(slot, owner, prompt));
  let source: SlotView | undefined;
  for (const slot of slots) {
    const [shared, best] = [shares[slot.id] ?? 0, source ? (shares[source.id] ?? 0) : 0];
    if (shared > best || (source && shared === best && slot.ready > source.ready && shared > 0)) source = slot;
  }
  const copied = source ? (shares[source.id] ?? 0) : 0;
  let best: (SlotChoice & { readonly cost: number; readonly lastUsed: number }) | undefined;
  for (const { id, busy: taken, content, lastUsed } of slots) {
    if (taken) continue;
    const own = shares[id] ?? 0;
    const gap = busy.length === 0 || busy.some((other) => Math.abs(other - id) === 1) ? 0 : COST_OF_GAP;
    const consider = (from: SlotChoice['from'], shared: number, extra: number, kept: number): void => {
      const cost = prompt.length - shared + extra + gap + WORTH_OF_CACHED * (content.length - kept);
      if (best && (cost - best.cost || lastUsed - best.lastUsed) >= 0) return;
      best = { id, from, shared, cost, lastUsed };
    };
    consider({ kind: 'own' }, own, 0, own);
    if (source && source.id !== id && copied > own) consider({ kind: 'slot', id: source.id }, copied, copyCost, own);
    if (saved > own) consider({ kind: 'saved' }, Math.min(saved, prompt.length - 1), savedCost, own);
  }
  return best && { id: best.id, from: best.from, shared: best.shared };
};

/** Tokens that cells and prompt share, short of the prompt's last one: that must be evaluated to have logits. */
export const sharedPrefix = (content: ArrayLike<number>, prompt: ArrayLike<number>): number => {
  const most = Math.min(content.length, prompt.length - 1);
  let shared = 0;
  while (shared < most && content[shared] === prompt[shared]) shared++;
  return Math.max(0, shared);
};

/** Tokens at the start of a prompt that the cells of a slot can give to a sequence of an owner. */
export const sharedWith = (slot: SlotView, owner: string, prompt: ArrayLike<number>): number => {
  if (slot.owner !== owner) return 0;
  const shared = sharedPrefix(slot.content, prompt);
  return slot.cuttable || (shared === slot.content.length && shared === slot.ready) ? shared : 0;
};
