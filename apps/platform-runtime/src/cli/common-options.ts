import { configurationKeys, type FlagValue } from '@golek/system';
import { Option, type Command } from 'commander';
import {
  loadSettings,
  PLATFORM_SECTIONS,
  type PlatformSettings,
  type SettingsInput,
} from '../config/platform-config.ts';

const CONFIGURATION_HELP = `
Any setting can be given as a flag, e.g. --http.port 9000 or --log.level=debug; docs/reference/configuration.md lists them.`;

/** A visible flag that sets a configuration key. */
export interface MappedFlag {
  readonly flags: string;
  readonly key: string;
  readonly description: string;
  /** From the flag's text, or its texts where it is repeatable, to the key's value. */
  readonly read?: (value: string) => unknown;
  readonly repeatable?: boolean;
  /** Value of a flag that takes none. */
  readonly constant?: unknown;
}

/** Where the server listens. */
export const ADDRESS_FLAGS: readonly MappedFlag[] = [
  { flags: '--host <address>', key: 'http.host', description: 'address to listen on' },
  {
    flags: '-p, --port <number>',
    key: 'http.port',
    description: 'port to listen on, 0 for a free one',
  },
];

const HOME: MappedFlag = { flags: '--home <folder>', key: 'home', description: 'data folder' };

const KEYS = configurationKeys(PLATFORM_SECTIONS);

const MAPPED = new WeakMap<Command, MappedFlag[]>();

const append = (value: string, all: readonly string[] | undefined): string[] => [...(all ?? []), value];

/** Adds the flags that every command with a configuration has: --config, --home, the given ones, and hidden ones for every key. */
export const withConfiguration = (command: Command, flags: readonly MappedFlag[] = []): Command => {
  const mapped = [HOME, ...flags];
  MAPPED.set(command, mapped);
  command.option('--config <file>', 'configuration file (default: golek.yaml in the data folder)');
  for (const flag of mapped) {
    const option = new Option(flag.flags, flag.description + defaultText(flag));
    if (flag.repeatable) option.argParser(append);
    command.addOption(option);
  }
  const taken = new Set(mapped.map(({ flags: text }) => new Option(text).long));
  for (const { flag, json } of KEYS) {
    if (taken.has(flag)) continue;
    // A boolean may stand alone: --http.allowUnauthenticated.
    const value = json.type === 'boolean' ? '[value]' : '<value>';
    command.addOption(new Option(`${flag} ${value}`).hideHelp());
  }
  return command.addHelpText('after', CONFIGURATION_HELP);
};

/** The default of the key, where flag and key take the same text. */
const defaultText = ({ key, read, constant }: MappedFlag): string => {
  const value = KEYS.find((known) => known.key === key)?.json.default;
  const isPlain = typeof value === 'string' || typeof value === 'number';
  return isPlain && !read && constant === undefined ? ` (default: ${value})` : '';
};

/** The configuration that the command line, the environment and the file give. */
export const settingsOf = async (
  command: Command,
  extra: readonly FlagValue[] = [],
  options: Pick<SettingsInput, 'stored' | 'file'> = {},
): Promise<PlatformSettings> => {
  const { config } = command.opts<{ config?: string }>();
  const { file = config, stored } = options;
  const flags = [...flagsOf(command), ...extra];
  return loadSettings({ environment: process.env, file, flags, ...(stored !== undefined && { stored }) });
};

const flagsOf = (command: Command): FlagValue[] => {
  const mapped = MAPPED.get(command) ?? [];
  return command.options.flatMap((option): FlagValue[] => {
    const name = option.attributeName();
    if (command.getOptionValueSource(name) !== 'cli' || option.long === undefined) return [];
    const value: unknown = command.getOptionValue(name);
    const flag = mapped.find(({ flags }) => new Option(flags).long === option.long);
    if (flag) return [{ key: flag.key, value: valueOf(flag, value), flag: option.long }];
    return option.hidden ? [{ key: option.long.slice(2), value, flag: option.long }] : [];
  });
};

const valueOf = ({ constant, read = (text) => text }: MappedFlag, value: unknown): unknown => {
  if (constant !== undefined) return constant;
  return Array.isArray(value) ? value.map((item) => read(item as string)) : read(value as string);
};
