import { Command } from 'commander';
import { ModelState, ModelStates } from '../models/model-state.ts';
import { interruptible } from './action.ts';
import { adminRequest } from './admin-client.ts';
import { ADDRESS_FLAGS, settingsOf, withConfiguration } from './common-options.ts';
import { modelStateTable } from './model-state-table.ts';
import { writeOut } from './write-out.ts';

type Run = (command: Command, signal: AbortSignal) => Promise<number>;

/** The commands of `golek models` that ask the running server. */
export const modelLifeCommands = (): readonly Command[] => [
  subcommand('ps', 'show which models the running server has in memory, and until when', [], ps),
  subcommand('load', 'have the running server load a model', ['<name>'], load).option(
    '--keep-alive <time>',
    "how long it stays after its last use: 5m, 1h30m, seconds, 0 or 'forever'",
  ),
  subcommand('unload', 'have the running server unload a model once no request uses it', ['<name>'], unload),
];

const subcommand = (name: string, description: string, words: readonly string[], run: Run): Command => {
  const command = new Command(name).description(description).option('--json', 'print JSON');
  for (const word of words) command.argument(word, 'name of the model');
  return withConfiguration(command, ADDRESS_FLAGS).action(interruptible(run));
};

const ps: Run = async (command, signal) => {
  const { configuration } = await settingsOf(command);
  const states = ModelStates.parse(await adminRequest(configuration, { method: 'GET', path: '/models', signal }));
  const isJson = command.opts<{ json?: boolean }>().json ?? false;
  await writeOut(isJson ? `${JSON.stringify(states, undefined, 2)}\n` : modelStateTable(states));
  return 0;
};

const ask = async (
  command: Command,
  action: 'load' | 'unload',
  signal: AbortSignal,
  body?: object,
): Promise<number> => {
  const { configuration } = await settingsOf(command);
  const path = `/models/${encodeURIComponent(command.args[0] ?? '')}/${action}`;
  const answer = await adminRequest(configuration, { method: 'POST', path, signal, ...(body && { body }) });
  const state = ModelState.parse(answer);
  if (command.opts<{ json?: boolean }>().json) await writeOut(`${JSON.stringify(state, undefined, 2)}\n`);
  else await writeOut(`${state.name} is ${state.state}\n`);
  return 0;
};

const load: Run = (command, signal) => {
  const { keepAlive } = command.opts<{ keepAlive?: string }>();
  return ask(command, 'load', signal, keepAlive === undefined ? undefined : { keepAlive });
};

const unload: Run = (command, signal) => ask(command, 'unload', signal);
