/** Exit codes of `golek`, explained in docs/reference/cli.md. */
export const EXIT = {
  ok: 0,
  failure: 1,
  /** Wrong command line or configuration. */
  usage: 2,
  interrupted: 130,
} as const;

/** Ends a command with a code; whatever there is to say was said. */
export class CommandEnd extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`exit ${code}`);
    this.code = code;
  }
}

/** A command line that makes no sense, beyond what the parser of options finds. */
export class UsageError extends Error {}
