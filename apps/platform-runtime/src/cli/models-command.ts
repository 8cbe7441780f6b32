import { GolekError, nearest } from '@golek/api';
import { Command } from 'commander';
import { listModels } from '../models/list-models.ts';
import { interruptible } from './action.ts';
import { settingsOf, withConfiguration } from './common-options.ts';
import { inspectKnown } from './inspect-known.ts';
import { modelLifeCommands } from './model-life-commands.ts';
import { modelDetails, modelTable } from './model-table.ts';
import { writeOut } from './write-out.ts';

/** `golek models`. */
export const modelsCommand = (): Command => {
  const command = new Command('models').addCommand(listCommand()).addCommand(infoCommand());
  for (const asking of modelLifeCommands()) command.addCommand(asking);
  return command.addHelpText(
    'after',
    '\nExamples:\n  $ golek models list\n  $ golek models info golek-tiny --json\n  $ golek models ps\n  $ golek models load golek-tiny --keep-alive 1h',
  );
};

const listCommand = (): Command =>
  withConfiguration(
    new Command('list')
      .description('list configured, discovered and bundled models')
      .option('--json', 'print JSON')
      .option('--names', 'print names only, without looking into the files')
      .addHelpText(
        'after',
        '\nExamples:\n  $ golek models list\n  $ golek models list --json --models.folders ~/models',
      ),
  ).action(interruptible(list));

const infoCommand = (): Command =>
  withConfiguration(
    new Command('info')
      .description('show what a model is')
      .argument('<name>', 'name of the model')
      .option('--json', 'print JSON')
      .addHelpText('after', '\nExamples:\n  $ golek models info golek-tiny'),
  ).action(interruptible(info));

const list = async (command: Command, signal: AbortSignal): Promise<number> => {
  const { json = false, names = false } = command.opts<{ json?: boolean; names?: boolean }>();
  const settings = await settingsOf(command);
  const known = await listModels(settings, signal);
  for (const note of known.notes) process.stderr.write(`golek: ${note}\n`);
  if (names) {
    await writeOut(known.models.map(({ source }) => `${source.name}\n`).join(''));
    return 0;
  }
  const rows = await inspectKnown(settings, known.models, signal);
  const data = { default: known.default ?? null, models: rows };
  await writeOut(json ? `${JSON.stringify(data, undefined, 2)}\n` : modelTable(rows, known.default));
  return 0;
};

const info = async (command: Command, signal: AbortSignal): Promise<number> => {
  const [name = ''] = command.args;
  const settings = await settingsOf(command);
  const { models } = await listModels(settings, signal);
  const found = models.filter(({ source }) => source.name === name);
  if (found.length === 0) {
    const hint = nearest(
      name,
      models.map(({ source }) => source.name),
    );
    throw new GolekError('model_not_found', `no model is named '${name}'${hint ? `; did you mean '${hint}'?` : ''}`);
  }
  const [row] = await inspectKnown(settings, found, signal);
  if (!row) throw new GolekError('internal', `nothing was found out about '${name}'`);
  if (command.opts<{ json?: boolean }>().json) await writeOut(`${JSON.stringify(row, undefined, 2)}\n`);
  else await writeOut(modelDetails(row));
  return row.error ? 1 : 0;
};
