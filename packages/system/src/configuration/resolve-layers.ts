import { checkSections, type CheckedValues } from './check-sections.ts';
import { configurationKeys, type ConfigKey } from './config-key.ts';
import type { ConfigSection } from './config-section.ts';
import type { ConfigProblem, ConfigValue, LayerValues } from './config-source.ts';
import { environmentLayer, type Environment } from './environment-layer.ts';
import { fileLayer, type ConfigFile } from './file-layer.ts';
import { flagLayer, type FlagValue } from './flag-layer.ts';
import { issueMessage } from './issue-message.ts';
import { fetchSecrets, secretKinds, type FetchedValue } from './resolve-secrets.ts';
import { storedLayer, type StoredSettings } from './stored-layer.ts';

export interface ConfigurationLayers {
  readonly sections: readonly ConfigSection[];
  readonly file?: ConfigFile | undefined;
  /** Variables by name, e.g. `process.env`; `GOLEK_*` are settings, others are looked at where a secret refers to them. */
  readonly environment?: Environment;
  /** Variables with the prefix that the application reads itself, such as the path of the file. */
  readonly allowedVariables?: readonly string[];
  readonly flags?: readonly FlagValue[];
  readonly stored?: StoredSettings | undefined;
}

export interface Resolution extends CheckedValues {
  readonly keys: readonly ConfigKey[];
  /** What every layer says, lowest layer first. */
  readonly values: readonly ConfigValue[];
  readonly problems: readonly ConfigProblem[];
}

/** Puts the layers together: default < file < environment < flag < stored. Values that a higher layer beats are checked too. */
export const resolveLayers = (layers: ConfigurationLayers): Resolution => {
  const { sections, file, environment = {}, allowedVariables = [], flags = [], stored } = layers;
  const keys = configurationKeys(sections);
  const read: LayerValues[] = [
    ...(file ? [fileLayer(file, keys)] : []),
    environmentLayer(environment, keys, allowedVariables),
    flagLayer(flags, keys),
    ...(stored ? [storedLayer(stored, keys)] : []),
  ];
  const values = read.flatMap((layer) => layer.values);
  const problems = read.flatMap((layer) => layer.problems);
  const byName = new Map(keys.map((key) => [key.key, key]));
  const last = new Map(values.map((value) => [value.key, value]));
  const winners = new Map<string, FetchedValue>();
  for (const value of values) {
    const key = byName.get(value.key);
    if (!key) continue;
    if (last.get(value.key) !== value) {
      // What a beaten reference leads to need not exist.
      if (!secretKinds(value.value, key).reference) problems.push(...checkValue(value, value.value, key));
      continue;
    }
    const fetched = fetchSecrets(value, key, environment);
    winners.set(value.key, fetched.value);
    problems.push(...(fetched.problems.length > 0 ? fetched.problems : checkValue(value, fetched.value.resolved, key)));
  }
  const checked = checkSections({ sections, keys, winners, known: problems });
  return { keys, values, ...checked, problems: [...problems, ...checked.problems] };
};

const checkValue = ({ key: name, source, locate }: ConfigValue, resolved: unknown, key: ConfigKey): ConfigProblem[] => {
  const result = key.schema.safeParse(resolved);
  if (result.success) return [];
  const { message, path } = issueMessage(key, resolved, result.error);
  return [{ source: locate?.(path) ?? source, key: name, message }];
};
