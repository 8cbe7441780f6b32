import type { Command } from 'commander';
import { watchInterrupts } from './interrupts.ts';
import { reportError } from './report-error.ts';

/** What a command does; gives its exit code. */
export type CommandAction = (command: Command) => Promise<number>;

/** Makes the action of a command; its failure becomes one line on standard error and an exit code. */
export const acting =
  (run: CommandAction) =>
  async (...given: unknown[]): Promise<void> => {
    const command = given.at(-1) as Command;
    const { debug = false } = command.optsWithGlobals<{ debug?: boolean }>();
    try {
      process.exitCode = await run(command);
    } catch (thrown) {
      process.exitCode = reportError(thrown, debug);
    }
  };

/** The same for a command that SIGINT and SIGTERM end, without an error line: the exit code says which it was. */
export const interruptible = (
  run: (command: Command, signal: AbortSignal) => Promise<number>,
): ((...given: unknown[]) => Promise<void>) =>
  acting(async (command) => {
    using interrupts = watchInterrupts();
    try {
      const code = await run(command, interrupts.signal);
      return interrupts.exitCode ?? code;
    } catch (thrown) {
      if (interrupts.exitCode !== undefined) return interrupts.exitCode;
      throw thrown;
    }
  });
