/** What is known when a prompt that is worth saving in part begins to be evaluated. All are tokens. */
export interface SavePoint {
  /** The beginning that other prompts have too; shorter than the prompt. */
  readonly branch: number;
  /** What the slot holds already. */
  readonly kept: number;
  readonly prompt: number;
  /** A state is of use only where it ends. */
  readonly uncut: boolean;
}

/** Beyond this part of the beginning, what follows is too much to be saved with it. */
const TAIL_PART = 4;
/** A step of one token would cost almost what these do. */
const SHORT_PIECE = 32;

/**
 * How many tokens a slot should hold when it is saved for the sake of `branch`; undefined: it cannot be saved for that. A little more than
 * the beginning does no harm where a state can be cut: then the prompt is evaluated first and nobody waits for the file.
 */
export const saveAfter = ({ branch, kept, prompt, uncut }: SavePoint): number | undefined => {
  if (uncut) return kept <= branch ? branch : undefined;
  if (prompt - branch <= Math.max(SHORT_PIECE, branch / TAIL_PART)) return prompt;
  return kept < branch ? branch : Math.min(prompt, kept + SHORT_PIECE);
};
