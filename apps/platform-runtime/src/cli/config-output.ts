import type { ConfigExplanation, ShownValue } from '@golek/system';
import type { Written } from './config-target.ts';
import { styled } from './style.ts';
import { textTable } from './text-table.ts';

const LONGEST_VALUE = 60;

/** A text as it is, anything else as JSON. */
export const valueText = (value: unknown): string => {
  if (value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
};

const shortened = (text: string): string =>
  text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE - 1)}…` : text;

const assigned = ({ value }: ShownValue): string => (value === undefined ? '(no value)' : valueText(value));

/** A line for each setting. */
export const settingTable = (settings: readonly ConfigExplanation[]): string => {
  const rows = settings.map(({ key, value, source, pending }) => [
    key,
    shortened(value === undefined ? '-' : valueText(value)),
    source + (pending ? `; after a restart ${shortened(assigned(pending))}` : ''),
  ]);
  return textTable(['SETTING', 'VALUE', 'FROM'], rows);
};

/** All that is known of one setting. */
export const settingDetails = (setting: ConfigExplanation): string => {
  const { key, source, overrides, pending, live, overridable, description } = setting;
  const lines = [
    `${styled(process.stdout, 'bold', key)} = ${assigned(setting)}`,
    `  from: ${source}`,
    ...overrides.toReversed().map((lost) => `  beats: ${lost.source} = ${assigned(lost)}`),
    ...(pending ? [`  after a restart: ${assigned(pending)} from ${pending.source}`] : []),
    live ? '  a change takes effect at once' : '  a change takes effect after a restart',
    ...(overridable.length > 0 ? [`  may be set by: ${overridable.join(', ')}`] : []),
    ...(description === undefined ? [] : [`  ${description}`]),
  ];
  return `${lines.join('\n')}\n`;
};

/** What became of `golek config set` and `unset`. */
export const writtenText = (what: string, { changed, restart, running }: Written): string => {
  if (!running)
    return `${what}; no server with this data folder answers at the configured address: it counts from the next start, and at once where one runs\n`;
  if (restart.length > 0) return `${what}; it takes effect after a restart of the server\n`;
  return changed.length > 0 ? `${what}; it is in effect\n` : `${what}; the value in effect is the same as before\n`;
};
