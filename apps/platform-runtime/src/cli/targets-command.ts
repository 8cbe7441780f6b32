import { Command } from 'commander';
import { TargetStatus, TargetStatuses } from '../reliability/target-status.ts';
import { interruptible } from './action.ts';
import { adminRequest } from './admin-client.ts';
import { ADDRESS_FLAGS, settingsOf, withConfiguration } from './common-options.ts';
import { targetTable } from './target-table.ts';
import { writeOut } from './write-out.ts';

type Run = (command: Command, signal: AbortSignal) => Promise<number>;

/** `golek targets`. */
export const targetsCommand = (): Command =>
  new Command('targets')
    .addCommand(subcommand('list', 'list the models with breaker, load and retry budget', [], list))
    .addCommand(subcommand('reset', 'close the breaker of a model and give its retry budget back', ['<model>'], reset))
    .addHelpText(
      'after',
      `
Examples:
  $ golek targets list
  $ golek targets list --json        # with the policy of each
  $ golek targets reset llama-remote`,
    );

const subcommand = (name: string, description: string, words: readonly string[], run: Run): Command => {
  const command = new Command(name).description(description).option('--json', 'print JSON');
  for (const word of words) command.argument(word);
  return withConfiguration(command, ADDRESS_FLAGS).action(interruptible(run));
};

const print = (command: Command, value: unknown, targets: readonly TargetStatus[]): Promise<void> =>
  writeOut(command.opts<{ json?: boolean }>().json ? `${JSON.stringify(value, undefined, 2)}\n` : targetTable(targets));

const list: Run = async (command, signal) => {
  const { configuration } = await settingsOf(command);
  const answer = await adminRequest(configuration, { method: 'GET', path: '/targets', signal });
  const { targets } = TargetStatuses.parse(answer);
  await print(command, { targets }, targets);
  return 0;
};

const reset: Run = async (command, signal) => {
  const { configuration } = await settingsOf(command);
  const path = `/targets/${encodeURIComponent(command.args[0] ?? '')}/reset`;
  const target = TargetStatus.parse(await adminRequest(configuration, { method: 'POST', path, signal }));
  await print(command, target, [target]);
  return 0;
};
