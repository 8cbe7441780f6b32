import { GolekError } from '@golek/api';
import type { z } from 'zod';
import { configurationKeys, type ConfigKey } from './config-key.ts';
import type { ConfigSection } from './config-section.ts';
import { sourceText, type ConfigProblem, type ConfigValue, type LayerValues } from './config-source.ts';
import { Configuration } from './configuration.ts';
import { environmentLayer, type Environment } from './environment-layer.ts';
import { fileLayer, type ConfigFile } from './file-layer.ts';
import { flagLayer, type FlagValue } from './flag-layer.ts';
import { issueMessage } from './issue-message.ts';

export interface ConfigurationLayers {
  readonly sections: readonly ConfigSection[];
  readonly file?: ConfigFile | undefined;
  /** Variables by name, e.g. `process.env`; only `GOLEK_*` are looked at. */
  readonly environment?: Environment;
  /** Variables with the prefix that the application reads itself, such as the path of the file. */
  readonly allowedVariables?: readonly string[];
  readonly flags?: readonly FlagValue[];
}

/**
 * Puts the layers together: defaults < file < environment < flags. Throws one `config_invalid` with every problem of every layer, each with its place; values
 * that a higher layer overrides are checked too.
 */
export const resolveConfiguration = (layers: ConfigurationLayers): Configuration => {
  const { sections, file, environment = {}, allowedVariables = [], flags = [] } = layers;
  const keys = configurationKeys(sections);
  const read: LayerValues[] = [
    ...(file ? [fileLayer(file, keys)] : []),
    environmentLayer(environment, keys, allowedVariables),
    flagLayer(flags, keys),
  ];
  const values = read.flatMap((layer) => layer.values);
  const problems = read.flatMap((layer) => layer.problems);
  problems.push(...values.flatMap((value) => checkValue(value, keys)));
  const won = new Map(values.map((value) => [value.key, value]));
  const parsed = sections.map((section) => {
    const result = section.schema.safeParse(rawSection(section, keys, won));
    if (!result.success) problems.push(...sectionProblems(section, result.error, keys, won, problems));
    return result.data;
  });
  if (problems.length > 0) throw invalid(problems);
  return new Configuration({ sections, keys, values, parsed });
};

const checkValue = ({ key: name, value, source, locate }: ConfigValue, keys: readonly ConfigKey[]): ConfigProblem[] => {
  const key = keys.find((candidate) => candidate.key === name);
  const result = key?.schema.safeParse(value);
  if (!key || !result || result.success) return [];
  const { message, path } = issueMessage(key, value, result.error);
  return [{ source: locate?.(path) ?? source, key: name, message }];
};

/** What was written for a section, as one value for its schema. */
const rawSection = (
  section: ConfigSection,
  keys: readonly ConfigKey[],
  won: ReadonlyMap<string, ConfigValue>,
): unknown => {
  if (keys.some((key) => key.key === section.name)) return won.get(section.name)?.value;
  const root: Record<string, unknown> = {};
  for (const key of keys) {
    const value = won.get(key.key);
    if (!value || key.path[0] !== section.name) continue;
    let parent = root;
    for (const segment of key.path.slice(1, -1)) parent = (parent[segment] ??= {}) as Record<string, unknown>;
    parent[key.path.at(-1) as string] = value.value;
  }
  return root;
};

/** Problems that only the whole section shows: missing keys, and checks over several keys. */
const sectionProblems = (
  section: ConfigSection,
  error: z.core.$ZodError,
  keys: readonly ConfigKey[],
  won: ReadonlyMap<string, ConfigValue>,
  known: readonly ConfigProblem[],
): ConfigProblem[] =>
  error.issues.flatMap((issue): ConfigProblem[] => {
    const path = [section.name, ...issue.path.map(String)];
    const key = keys.find((candidate) => candidate.path.every((segment, index) => path[index] === segment));
    const name = key?.key ?? path.join('.');
    if (known.some((problem) => problem.key === name)) return [];
    const value = won.get(name);
    const source = value?.source ?? ({ layer: 'default' } as const);
    if (key && !value && issue.code === 'invalid_type') {
      return [
        {
          source,
          key: name,
          message: `'${name}' is missing: set it in golek.yaml, as ${key.variable} or with ${key.flag}`,
        },
      ];
    }
    return [{ source, key: name, message: `'${name}': ${issue.message}` }];
  });

const SHOWN_PROBLEMS = 20;

const invalid = (problems: readonly ConfigProblem[]): GolekError => {
  const shown = problems.slice(0, SHOWN_PROBLEMS);
  const lines = shown.map(({ source, message }) =>
    source.layer === 'default' ? message : `${sourceText(source)}: ${message}`,
  );
  if (problems.length > shown.length) lines.push(`and ${problems.length - shown.length} more`);
  const [only = ''] = lines;
  const message =
    lines.length === 1 ? only : `the configuration has ${problems.length} problems:\n  ${lines.join('\n  ')}`;
  return new GolekError('config_invalid', message, { details: { problems: shown } });
};
