import { nearest } from '@golek/api';
import { VARIABLE_PREFIX, type ConfigKey } from './config-key.ts';
import { readTextValue } from './read-text-value.ts';
import { typePhrase } from './type-phrase.ts';
import type { ConfigProblem, ConfigValue, LayerValues } from './config-source.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Names of such variables, but for `…_PORT`, which could be a slip for a setting. */
const LINK_NAME = /^GOLEK_(.+_)?(SERVICE_HOST|SERVICE_PORT(_.+)?|PORT_\d+_(TCP|UDP)(_(PROTO|PORT|ADDR))?)$/;
const LINK_VALUE = /^(tcp|udp):\/\//;

/** Kubernetes and Docker put such variables into a container beside a service called `golek`; they are not meant for us. */
const isServiceLink = (variable: string, text: string): boolean => LINK_NAME.test(variable) || LINK_VALUE.test(text);

/**
 * Reads `GOLEK_*` variables. An empty variable counts as not set. One that belongs to no key is a problem, except `allowed` ones (which the application
 * reads itself) and the service links of Kubernetes.
 */
export const environmentLayer = (
  environment: Environment,
  keys: readonly ConfigKey[],
  allowed: readonly string[],
): LayerValues => {
  const byVariable = new Map(keys.map((key) => [key.variable, key]));
  const values: ConfigValue[] = [];
  const problems: ConfigProblem[] = [];
  for (const [variable, text] of Object.entries(environment)) {
    if (!variable.startsWith(VARIABLE_PREFIX) || text === undefined || text === '' || allowed.includes(variable))
      continue;
    const key = byVariable.get(variable);
    const source = { layer: 'environment', variable } as const;
    if (!key) {
      if (!isServiceLink(variable, text))
        problems.push({ source, key: '', message: unknown(variable, byVariable.keys()) });
      continue;
    }
    const read = readTextValue(text, key.json);
    if ('value' in read) values.push({ key: key.key, value: read.value, source });
    else problems.push({ source, key: key.key, message: refused(key, text) });
  }
  return { values, problems };
};

const unknown = (variable: string, known: Iterable<string>): string => {
  const hint = nearest(variable, known);
  return `no setting has the environment variable ${variable}${hint === undefined ? '; unset it' : `; did you mean ${hint}?`}`;
};

const refused = (key: ConfigKey, text: string): string => {
  const got = key.secrets ? '' : `, got '${text}'`;
  const link = LINK_VALUE.test(text)
    ? '; this looks like a service link of Kubernetes: set enableServiceLinks: false on the pod or rename the service'
    : '';
  return `'${key.key}' must be ${typePhrase(key.json)}${got}${link}`;
};
