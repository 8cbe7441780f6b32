import { GolekError } from '@golek/api';
import type { ConfigKey } from './config-key.ts';
import { readTextValue } from './read-text-value.ts';
import { typePhrase } from './type-phrase.ts';

/** Reads a text as the type that a key takes, as in a variable or flag. Throws `config_invalid`. */
export const readSetting = (key: ConfigKey, text: string): unknown => {
  const read = readTextValue(text, key.json);
  if ('value' in read) return read.value;
  const got = key.secrets ? '' : `, got '${text.slice(0, 80)}'`;
  throw new GolekError('config_invalid', `'${key.key}' must be ${typePhrase(key.json)}${got}`);
};
