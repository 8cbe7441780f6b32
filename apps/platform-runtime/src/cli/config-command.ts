import { readFile } from 'node:fs/promises';
import { GolekError } from '@golek/api';
import { configurationJsonSchema, problemText, readSetting, type ConfigProblem } from '@golek/system';
import { Command } from 'commander';
import { PLATFORM_SECTIONS, type PlatformSettings } from '../config/platform-config.ts';
import { interruptible } from './action.ts';
import { adminRequest } from './admin-client.ts';
import { ADDRESS_FLAGS, settingsOf, withConfiguration } from './common-options.ts';
import { settingDetails, settingTable, valueText, writtenText } from './config-output.ts';
import {
  filesTarget,
  removeStored,
  serverTarget,
  writingTarget,
  type ConfigTarget,
  type Written,
} from './config-target.ts';
import { EXIT } from './exit-code.ts';
import { absentPluginsIn } from '../plugins/absent-plugins.ts';
import { writeOut } from './write-out.ts';

/** `golek config`. */
export const configCommand = (): Command =>
  new Command('config')
    .addCommand(listCommand())
    .addCommand(getCommand())
    .addCommand(explainCommand())
    .addCommand(setCommand())
    .addCommand(unsetCommand())
    .addCommand(validateCommand())
    .addCommand(schemaCommand())
    .addHelpText(
      'after',
      `
Examples:
  $ golek config set limits.maxOutputTokens 2000    # at once on the running server, else from the next start
  $ golek config explain limits.maxOutputTokens     # where the value comes from and what it beats
  $ golek config set limits.maxOutputTokens 500 --tenant acme
  $ golek config unset limits.maxOutputTokens
  $ golek config validate new.yaml

What is set is kept in the data folder and beats golek.yaml, environment and command line, until it is unset.`,
    );

type Run = (command: Command, signal: AbortSignal) => Promise<number>;

const subcommand = (name: string, description: string, words: readonly string[], run: Run): Command => {
  const command = new Command(name).description(description);
  for (const word of words) command.argument(word);
  return withConfiguration(command.option('--json', 'print JSON'), ADDRESS_FLAGS).action(interruptible(run));
};

const reading = (command: Command): Command =>
  command
    .option('--server', 'ask the running server instead of reading the files')
    .option('--tenant <name>', 'show the values that this tenant has');

const writing = (command: Command): Command =>
  command
    .option('--tenant <name>', 'for this tenant only')
    .option('--if-revision <revision>', 'only when the stored value has this revision still');

const listCommand = (): Command =>
  reading(subcommand('list', 'list every setting with its value and where it comes from', [], list)).option(
    '--changed',
    'leave out settings that have their default',
  );

const getCommand = (): Command => reading(subcommand('get', 'print the value of a setting', ['<key>'], get));

const explainCommand = (): Command =>
  reading(subcommand('explain', 'say where a value comes from and which values it beats', ['<key>'], explain));

const setCommand = (): Command =>
  writing(subcommand('set', 'store a value; lists and maps are JSON', ['<key>', '<value>'], set));

const unsetCommand = (): Command => writing(subcommand('unset', 'remove a stored value', ['<key>'], unset));

const validateCommand = (): Command =>
  subcommand('validate', 'check a configuration file, default golek.yaml, with everything else', ['[file]'], validate)
    .option('--server', 'let the running server check it against what it runs')
    .addHelpText('after', '\nExit code 2 when something is wrong; every problem is told with its place.');

const schemaCommand = (): Command =>
  new Command('schema')
    .description('print the JSON Schema of the configuration file, for editors')
    .option('--json', 'print JSON; it always is')
    .addHelpText('after', '\nExamples:\n  $ golek config schema > golek.schema.json')
    .action(interruptible(schema));

interface Options {
  readonly json?: boolean;
  readonly server?: boolean;
  readonly changed?: boolean;
  readonly tenant?: string;
  readonly ifRevision?: string;
}

const jsonText = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;

const readingTarget = (settings: PlatformSettings, { server = false }: Options, signal: AbortSignal): ConfigTarget =>
  server ? serverTarget(settings, signal) : filesTarget(settings, signal);

const list: Run = async (command, signal) => {
  const options = command.opts<Options>();
  const { json = false, changed = false, tenant } = options;
  const all = await readingTarget(await settingsOf(command), options, signal).list(tenant);
  const settings = changed ? all.filter(({ layer, pending }) => layer !== 'default' || pending) : all;
  await writeOut(json ? jsonText({ settings }) : settingTable(settings));
  return EXIT.ok;
};

const explained = async (command: Command, signal: AbortSignal) => {
  const options = command.opts<Options>();
  const [key = ''] = command.args;
  return readingTarget(await settingsOf(command), options, signal).explain(key, options.tenant);
};

const get: Run = async (command, signal) => {
  const { key, value } = await explained(command, signal);
  await writeOut(command.opts<Options>().json ? jsonText({ key, value: value ?? null }) : `${valueText(value)}\n`);
  return EXIT.ok;
};

const explain: Run = async (command, signal) => {
  const setting = await explained(command, signal);
  await writeOut(command.opts<Options>().json ? jsonText(setting) : settingDetails(setting));
  return EXIT.ok;
};

const set: Run = async (command, signal) => {
  const { tenant, ifRevision } = command.opts<Options>();
  const [name = '', text = ''] = command.args;
  const settings = await settingsOf(command);
  const value = readSetting(settings.configuration.key(name), text);
  const target = await writingTarget(settings, signal);
  const written = await (tenant === undefined
    ? target.set(name, value, ifRevision)
    : target.setForTenant(tenant, name, value));
  return tell(command, `${name} is set${tenant === undefined ? '' : ` for the tenant ${tenant}`}`, written);
};

const unset: Run = async (command, signal) => {
  const { tenant, ifRevision } = command.opts<Options>();
  const [name = ''] = command.args;
  if (tenant !== undefined) {
    const target = await writingTarget(await settingsOf(command), signal);
    return tell(
      command,
      `${name} is unset for the tenant ${tenant}`,
      await target.setForTenant(tenant, name, undefined),
    );
  }
  const settings = await settingsOf(command).catch((thrown: unknown) => {
    // What is stored may be what is wrong.
    if (GolekError.from(thrown).code === 'config_invalid') return undefined;
    throw thrown;
  });
  const written = settings
    ? await (await writingTarget(settings, signal)).unset(name, ifRevision)
    : await removeStored(command, name, signal);
  return tell(command, `${name} is unset`, written);
};

const tell = async (command: Command, what: string, written: Written): Promise<number> => {
  await writeOut(command.opts<Options>().json ? jsonText(written) : writtenText(what, written));
  return EXIT.ok;
};

const validate: Run = async (command, signal) => {
  const { json = false, server = false } = command.opts<Options>();
  const { problems, warnings = [] } = await (server ? problemsOnServer(command, signal) : problemsInFiles(command));
  if (json) await writeOut(jsonText({ valid: problems.length === 0, problems, warnings }));
  else {
    for (const { message } of problems) process.stderr.write(`${message}\n`);
    for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
    if (problems.length === 0) await writeOut('the configuration is valid\n');
  }
  return problems.length === 0 ? EXIT.ok : EXIT.usage;
};

interface Told {
  readonly key: string;
  readonly message: string;
}

interface Checked {
  readonly problems: readonly Told[];
  /** What may be meant as it is. */
  readonly warnings?: readonly string[];
}

const problemsInFiles = async (command: Command): Promise<Checked> => {
  const [file] = command.args;
  try {
    return { problems: [], warnings: await absentPluginsIn(await settingsOf(command, [], { file })) };
  } catch (thrown) {
    const error = GolekError.from(thrown);
    if (error.code !== 'config_invalid') throw error;
    const problems = error.details?.['problems'] as readonly ConfigProblem[] | undefined;
    if (!problems) return { problems: [{ key: '', message: error.message }] };
    return { problems: problems.map((problem) => ({ key: problem.key, message: problemText(problem) })) };
  }
};

const problemsOnServer = async (command: Command, signal: AbortSignal): Promise<Checked> => {
  const { configuration, configFile } = await settingsOf(command);
  const [file = configFile] = command.args;
  const yaml = await readFile(file, 'utf8');
  const answer = await adminRequest(configuration, {
    method: 'POST',
    path: '/config/validate',
    body: { yaml },
    signal,
  });
  return { problems: (answer as { problems?: readonly Told[] }).problems ?? [] };
};

const schema = async (): Promise<number> => {
  await writeOut(jsonText(configurationJsonSchema(PLATFORM_SECTIONS)));
  return EXIT.ok;
};
