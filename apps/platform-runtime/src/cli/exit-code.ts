/** Exit codes of `golek` but for those of signals; docs/reference/cli.md explains them. */
export const EXIT = {
  ok: 0,
  failure: 1,
  /** Wrong command line or configuration. */
  usage: 2,
} as const;

/** A command line that makes no sense, beyond what the parser of options finds. */
export class UsageError extends Error {}
