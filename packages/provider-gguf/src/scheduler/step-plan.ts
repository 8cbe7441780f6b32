/** A sequence in a slot that can be worked on in the next step. */
export interface ReadySlot {
  /** The id of its sequence in the context. */
  readonly id: number;
  /** Tokens of the answer that wait to be evaluated, each with its logits: the sampled one, and after it any that are guessed to follow. 0: the prompt is not done. */
  readonly pending: number;
  /** Tokens of the prompt that are still to be evaluated, as many as may come at once. */
  readonly prompt: number;
  /** Whether these are all that are left of it. */
  readonly last: boolean;
  /** The last step that it was in. */
  readonly lastStep: number;
}

/** What one sequence has in a step. */
export interface PlannedRows {
  readonly id: number;
  /** The next so many of its pending tokens or of its prompt. */
  readonly tokens: number;
  /** The first of these tokens whose logits are wanted, and those of all after it; equal to `tokens`: none are. */
  readonly logitsFrom: number;
}

export interface StepBounds {
  /** Rows that one batch can hold. */
  readonly batchSize: number;
  /** Whether it is the turn of prompts, where both answers and prompts could go on. */
  readonly prompts: boolean;
  /** Prompt tokens that a step may have beside so many sequences that generate and wait for it. */
  readonly promptTokens: (waiting: number) => number;
  /** A step with so many prompt tokens is evaluated at full speed: no further prompt joins it, so that the first ones are done sooner. */
  readonly enough: number;
}

/** A prompt with one token left costs what a generated token does and is treated like one. */
const isSingle = ({ pending, prompt, last }: ReadySlot): boolean => pending > 0 || (prompt === 1 && last);

/**
 * The rows of one step: of all sequences that generate, or of prompts in the order given, as many tokens as may come. Not of both: llama.cpp evaluates what a
 * step has of each sequence together with the others and over as many cells as the longest of them has, so that tokens beside a long prompt would cost many times
 * what they cost alone. Rows come in the order of sequence ids: neighbours are evaluated in one pass.
 */
export const planStep = (
  ready: readonly ReadySlot[],
  { batchSize, prompts, promptTokens, enough }: StepBounds,
): PlannedRows[] => {
  const singles = ready.filter(isSingle);
  const pieces = ready.filter((slot) => !isSingle(slot));
  const rows =
    pieces.length > 0 && (prompts || singles.length === 0)
      ? rowsOfPrompts(pieces, Math.min(batchSize, promptTokens(singles.length)), enough)
      : rowsOfAnswers(singles, batchSize);
  return rows.sort((a, b) => a.id - b.id);
};

const rowsOfAnswers = (singles: readonly ReadySlot[], batchSize: number): PlannedRows[] => {
  const rows: PlannedRows[] = [];
  let room = batchSize;
  // Where not all fit, those that waited longest.
  for (const { id, pending } of [...singles].sort((a, b) => a.lastStep - b.lastStep || a.id - b.id)) {
    const tokens = Math.min(Math.max(1, pending), room);
    if (tokens === 0) break;
    rows.push({ id, tokens, logitsFrom: 0 });
    room -= tokens;
  }
  return rows;
};

const rowsOfPrompts = (pieces: readonly ReadySlot[], budget: number, enough: number): PlannedRows[] => {
  const rows: PlannedRows[] = [];
  let room = budget;
  for (const { id, prompt, last } of pieces) {
    const tokens = Math.min(prompt, room);
    if (tokens <= 0 || budget - room >= enough) break;
    rows.push({ id, tokens, logitsFrom: last && tokens === prompt ? tokens - 1 : tokens });
    room -= tokens;
  }
  return rows;
};

/** The last step of a group. */
export interface GroupStep {
  readonly step: number;
  /** It was of prompts. */
  readonly prompts: boolean;
}

/** The group whose turn it is: of those that have something to do, the one whose last step is longest ago. */
export const nextGroup = (
  ready: readonly (string | undefined)[],
  lastStep: ReadonlyMap<string | undefined, GroupStep>,
): string | undefined => {
  const [first, ...others] = new Set(ready);
  let [best, since] = [first, lastStep.get(first)?.step ?? 0];
  for (const group of others) {
    const step = lastStep.get(group)?.step ?? 0;
    if (step < since) [best, since] = [group, step];
  }
  return best;
};
