import { GolekError } from '@golek/api';
import { discoverPlugins } from '@golek/kernel';
import { Command } from 'commander';
import { pluginsConfig } from '../config/plugins-config.ts';
import { pluginPlaces } from '../plugins/plugin-places.ts';
import { PluginInfo, PluginReport } from '../plugins/plugin-schemas.ts';
import { interruptible } from './action.ts';
import { adminRequest, type AdminRequest } from './admin-client.ts';
import { ADDRESS_FLAGS, settingsOf, withConfiguration } from './common-options.ts';
import { foundTable, pluginDetails, pluginTable } from './plugin-table.ts';
import { writeOut } from './write-out.ts';

/** `golek plugins`. */
export const pluginsCommand = (): Command =>
  new Command('plugins')
    .addCommand(
      subcommand(
        'list',
        'list the plugins of the running server; without one, those of the configured folders',
        [],
        list,
      ),
    )
    .addCommand(subcommand('info', 'show a plugin: what it adds, its health, its last error', ['<plugin>'], info))
    .addCommand(subcommand('enable', 'let a disabled plugin run, and start it', ['<plugin>'], acting('enable')))
    .addCommand(
      subcommand('disable', 'stop a plugin and keep it from running', ['<plugin>'], disable).option(
        '--force',
        'stop also the plugins that need it',
      ),
    )
    .addCommand(
      subcommand('reload', 'put the files of a plugin as they are now into effect', ['<plugin>'], acting('reload')),
    )
    .addCommand(subcommand('rescan', 'look for new plugins and those that are gone', [], rescan))
    .addHelpText(
      'after',
      `
Examples:
  $ golek plugins list
  $ golek plugins info hello
  $ golek plugins reload hello
  $ golek plugins disable hello --force`,
    );

type Run = (command: Command, signal: AbortSignal) => Promise<number>;

const subcommand = (name: string, description: string, words: readonly string[], run: Run): Command => {
  const command = new Command(name).description(description).option('--json', 'print JSON');
  for (const word of words) command.argument(word);
  return withConfiguration(command, ADDRESS_FLAGS).action(interruptible(run));
};

const jsonText = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;

const isJson = (command: Command): boolean => command.opts<{ json?: boolean }>().json ?? false;

const pathOf = ({ args: [name = ''] }: Command, rest = ''): string => `/plugins/${encodeURIComponent(name)}${rest}`;

const ask = async (command: Command, request: AdminRequest): Promise<unknown> =>
  adminRequest((await settingsOf(command)).configuration, request);

const list: Run = async (command, signal) => {
  const answer = await ask(command, { method: 'GET', path: '/plugins', signal }).catch((thrown: unknown) => {
    // No server answers: what a server would find is better than nothing.
    if (thrown instanceof GolekError && thrown.code === 'provider_failed') return undefined;
    throw thrown;
  });
  if (answer === undefined) return listFound(command);
  const report = PluginReport.parse(answer);
  await writeOut(isJson(command) ? jsonText({ running: true, ...report }) : pluginTable(report));
  return 0;
};

const listFound = async (command: Command): Promise<number> => {
  const { configuration, data, configFile } = await settingsOf(command);
  const { isolated, disabled } = configuration.get(pluginsConfig);
  const found = await discoverPlugins(pluginPlaces(configuration, { home: data.root, file: configFile }));
  const plugins = found.entries.map(({ name, file, isolated: asked }) => ({
    name,
    origin: file,
    isolated: asked || Object.hasOwn(isolated, name),
    disabled: disabled.includes(name),
  }));
  const problems = found.problems.map((problem) => problem.toJSON());
  await writeOut(isJson(command) ? jsonText({ running: false, plugins, problems }) : foundTable(plugins, problems));
  return 0;
};

/** Asks for what gives one plugin back, and prints it. */
const printed = async (command: Command, request: AdminRequest): Promise<number> => {
  const plugin = PluginInfo.parse(await ask(command, request));
  await writeOut(isJson(command) ? jsonText(plugin) : pluginDetails(plugin));
  return 0;
};

const info: Run = (command, signal) => printed(command, { method: 'GET', path: pathOf(command), signal });

const acting =
  (action: 'enable' | 'reload'): Run =>
  (command, signal) =>
    printed(command, { method: 'POST', path: pathOf(command, `/${action}`), signal });

const disable: Run = (command, signal) => {
  const { force = false } = command.opts<{ force?: boolean }>();
  return printed(command, { method: 'POST', path: pathOf(command, '/disable'), body: { force }, signal });
};

const rescan: Run = async (command, signal) => {
  const report = PluginReport.parse(await ask(command, { method: 'POST', path: '/plugins/rescan', signal }));
  await writeOut(isJson(command) ? jsonText(report) : pluginTable(report));
  return 0;
};
