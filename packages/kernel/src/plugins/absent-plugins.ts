import { nearest } from '@golek/api';

/** Settings that speak of single plugins. */
interface NamedInSettings {
  readonly options: Readonly<Record<string, unknown>>;
  readonly disabled: readonly string[];
  readonly isolated: readonly string[];
}

/**
 * A sentence for each setting of a plugin that is not there. No error: it may be installed later, and another setting of the same start must not wait for
 * that; but a misspelt name would have no effect, and nothing else would say so.
 */
export const absentPlugins = (
  { options, disabled, isolated }: NamedInSettings,
  known: readonly string[],
): readonly string[] => {
  const speaking = [
    ['plugins.options', Object.keys(options)],
    ['plugins.isolated', isolated],
    ['plugins.disabled', disabled],
  ] as const;
  return speaking.flatMap(([key, names]) =>
    names
      .filter((name) => !known.includes(name))
      .map((name) => {
        const hint = nearest(name, known);
        return `${key} names the plugin '${name}', which is not there; ${hint === undefined ? 'it has no effect until that is installed' : `did you mean '${hint}'?`}`;
      }),
  );
};
