import type { PluginInfo, PluginReport } from '../plugins/plugin-schemas.ts';
import { styled } from './style.ts';
import { factLines, textTable } from './text-table.ts';

/** A plugin that was found on disk; nothing of it was run. */
export interface FoundPlugin {
  readonly name: string;
  readonly origin: string;
  readonly isolated: boolean;
  readonly disabled: boolean;
}

const counted = ({ contributes }: PluginInfo): string =>
  Object.entries(contributes)
    .map(([point, names = []]) => `${names.length} ${names.length === 1 ? point.replace(/s$/, '') : point}`)
    .join(', ');

const problemLines = (problems: PluginReport['problems']): string =>
  problems.map(({ message, code }) => styled(process.stdout, 'red', `${message} [${code}]`) + '\n').join('');

/** The plugins of a running server; one that failed comes with the reason below its line. */
export const pluginTable = ({ plugins, problems }: PluginReport): string => {
  const rows = plugins.map((plugin) => [
    plugin.name,
    plugin.version ?? '-',
    plugin.isolated ? `${plugin.state} (isolated)` : plugin.state,
    plugin.health?.status ?? '-',
    counted(plugin) || '-',
  ]);
  const notes = plugins.map(({ lastError, health }) => lastError?.message ?? health?.reason ?? '');
  const shown = textTable(['NAME', 'VERSION', 'STATE', 'HEALTH', 'ADDS'], rows, notes);
  return (plugins.length === 0 && problems.length === 0 ? 'no plugins\n' : shown) + problemLines(problems);
};

/** The plugins that the configured places hold, for want of a server that runs them. */
export const foundTable = (plugins: readonly FoundPlugin[], problems: PluginReport['problems']): string => {
  const rows = plugins.map(({ name, origin, isolated, disabled }) => [
    name,
    [disabled ? 'disabled' : 'not running', ...(isolated ? ['isolated'] : [])].join(', '),
    origin,
  ]);
  return (
    (plugins.length === 0 ? 'no plugins\n' : textTable(['NAME', 'STATE', 'ORIGIN'], rows, [])) + problemLines(problems)
  );
};

/** All that is known of one plugin, a fact a line. */
export const pluginDetails = (plugin: PluginInfo): string => {
  const { health, lastError } = plugin;
  return factLines([
    ['name', plugin.name],
    ['version', plugin.version],
    ['state', `${plugin.state} since ${plugin.since}`],
    ['origin', plugin.origin],
    ['isolated', plugin.isolated ? 'yes' : 'no'],
    ['health', health && [health.status, health.reason].filter(Boolean).join(': ')],
    ...Object.entries(plugin.requires).map(([name, range]): [string, string] => ['requires', `${name} ${range}`]),
    ...Object.entries(plugin.contributes).map(([point, names = []]): [string, string] => [point, names.join(', ')]),
    ['replacements', String(plugin.replacements)],
    [
      'retiring',
      plugin.retiring === 0 ? undefined : `${plugin.retiring} older version${plugin.retiring === 1 ? '' : 's'} in use`,
    ],
    ['last error', lastError && `${lastError.message} [${lastError.code}]`],
  ]);
};
