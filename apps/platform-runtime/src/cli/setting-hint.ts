import { nearest } from '@golek/api';
import { configurationKeys } from '@golek/system';
import { PLATFORM_SECTIONS } from '../config/platform-config.ts';

/** For a mistyped `--section.key`, a line that names the nearest setting: the parser of options suggests only what its help shows. */
export const settingHint = (args: readonly string[]): string => {
  const dotted = args.flatMap((arg) => /^--([a-zA-Z]+\.[a-zA-Z.]+)(=|$)/.exec(arg)?.[1] ?? []);
  if (dotted.length === 0) return '';
  const keys = configurationKeys(PLATFORM_SECTIONS).map(({ key }) => key);
  const wrong = dotted.find((name) => !keys.includes(name));
  const hint = wrong === undefined ? undefined : nearest(wrong, keys);
  return hint === undefined ? '' : `(Did you mean --${hint}?)\n`;
};
