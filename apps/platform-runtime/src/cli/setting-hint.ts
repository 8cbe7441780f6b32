import { nearest } from '@golek/api';

/** For a mistyped `--section.key`, a line that names the nearest setting: the parser of options suggests only what its help shows. */
export const settingHint = async (args: readonly string[]): Promise<string> => {
  const dotted = args.flatMap((arg) => /^--([a-zA-Z]+\.[a-zA-Z.]+)(=|$)/.exec(arg)?.[1] ?? []);
  if (dotted.length === 0) return '';
  const { configurationKeys } = await import('@golek/system');
  const { PLATFORM_SECTIONS } = await import('../config/platform-config.ts');
  const keys = configurationKeys(PLATFORM_SECTIONS).map(({ key }) => key);
  const wrong = dotted.find((name) => !keys.includes(name));
  const hint = wrong === undefined ? undefined : nearest(wrong, keys);
  return hint === undefined ? '' : `(Did you mean --${hint}?)\n`;
};
