import type { Command } from 'commander';
import { CommandEnd } from './exit-code.ts';
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
      process.exitCode = thrown instanceof CommandEnd ? thrown.code : reportError(thrown, debug);
    }
  };
