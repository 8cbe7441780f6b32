import { GolekError, nearest } from '@golek/api/plain';

/** What one option may be. */
export interface OptionRule {
  readonly allows: (value: unknown) => boolean;
  /** What is allowed, to follow "must be". */
  readonly wanted: string;
  /** True: the value is not shown. */
  readonly secret?: boolean;
}

/** The error of an option: `config_invalid` with the key in its details. `what`: whose options they are. */
export const invalidOption = (what: string, key: string, problem: string): GolekError =>
  new GolekError('config_invalid', `${what}: ${problem}`, { details: { key } });

/**
 * Throws `config_invalid` naming the key and its allowed values, for an unknown key the nearest known one; keys without a value pass. By hand and not with a
 * schema library: an engine process would pay 25 MB and 0.1 s for a few settings.
 */
export const checkOptions = (options: unknown, rules: Readonly<Record<string, OptionRule>>, what: string): void => {
  if (typeof options !== 'object' || options === null)
    throw invalidOption(what, '', `must be an object (got ${JSON.stringify(options)})`);
  for (const [key, value] of Object.entries(options)) {
    const rule = Object.hasOwn(rules, key) ? rules[key] : undefined;
    if (!rule) {
      const hint = nearest(key, Object.keys(rules));
      const help = hint ? `did you mean '${hint}'?` : `known are ${Object.keys(rules).join(', ')}`;
      throw invalidOption(what, key, `unknown key '${key}'; ${help}`);
    }
    if (value === undefined || rule.allows(value)) continue;
    const got = rule.secret ? '' : ` (got ${JSON.stringify(value)})`;
    throw invalidOption(what, key, `'${key}' must be ${rule.wanted}${got}`);
  }
};
