import { nearest } from '@golek/api';
import type { ConfigKey } from './config-key.ts';
import { readTextValue } from './read-text-value.ts';
import { typePhrase } from './type-phrase.ts';
import type { ConfigProblem, ConfigValue, LayerValues } from './config-source.ts';

/** A command-line flag that sets a key. A text is read as the key's type; any other value is taken as it is. */
export interface FlagValue {
  readonly key: string;
  readonly value: unknown;
  /** As the user wrote it, e.g. `--port`, for messages. */
  readonly flag: string;
}

export const flagLayer = (flags: readonly FlagValue[], keys: readonly ConfigKey[]): LayerValues => {
  const byName = new Map(keys.map((key) => [key.key, key]));
  const values: ConfigValue[] = [];
  const problems: ConfigProblem[] = [];
  for (const { key: name, value, flag } of flags) {
    const source = { layer: 'flag', flag } as const;
    const key = byName.get(name);
    if (!key) {
      const hint = nearest(name, byName.keys());
      problems.push({
        source,
        key: '',
        message: `no setting is named '${name}'${hint ? `; did you mean '${hint}'?` : ''}`,
      });
      continue;
    }
    const read = typeof value === 'string' ? readTextValue(value, key.json) : { value };
    if ('value' in read) values.push({ key: name, value: read.value, source });
    else {
      const got = key.secrets ? '' : `, got '${String(value)}'`;
      problems.push({ source, key: name, message: `'${name}' must be ${typePhrase(key.json)}${got}` });
    }
  }
  return { values, problems };
};
