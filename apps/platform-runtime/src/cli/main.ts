import { CommanderError, type Command } from 'commander';
import { EXIT } from './exit-code.ts';
import { golekProgram } from './program.ts';
import { endQuietlyWithoutReader } from './write-out.ts';

/** Commander ends the process on its own errors; this makes it throw, in every subcommand. */
const throwing = (command: Command): Command => {
  command.exitOverride();
  command.commands.forEach(throwing);
  return command;
};

/** Runs the command line with the arguments after the program's name; the exit code goes to `process.exitCode`. */
export const runCli = async (args: readonly string[]): Promise<void> => {
  endQuietlyWithoutReader();
  const program = throwing(await golekProgram((name) => args.includes(name)));
  try {
    if (args.length === 0) program.outputHelp();
    else await program.parseAsync(args, { from: 'user' });
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    if (thrown.code === 'commander.unknownOption') {
      const { settingHint } = await import('./setting-hint.ts');
      process.stderr.write(settingHint(args));
    }
    process.exitCode = thrown.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
};
