import { z } from 'zod';
import { configurationKeys, type ConfigKey } from './config-key.ts';
import type { ConfigSection } from './config-section.ts';
import { typePhrase } from './type-phrase.ts';

const defaultOf = ({ json, secret }: ConfigKey): string =>
  json.default === undefined || secret ? '' : `\`${JSON.stringify(json.default)}\``;

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

const row = (key: ConfigKey): string =>
  `| ${[
    `\`${key.key}\``,
    key.secret ? `${typePhrase(key.json)}, or \`env:NAME\`, \`file:/path\`` : typePhrase(key.json),
    defaultOf(key),
    `\`${key.variable}\``,
    key.live ? 'at once' : 'restart',
    key.overridable.join(', '),
    key.json.description ?? '',
  ]
    .map(cell)
    .join(' | ')} |`;

/** A Markdown section for each configuration section: its description and a table of its keys. */
export const configurationReference = (sections: readonly ConfigSection[]): string => {
  const keys = configurationKeys(sections);
  return sections
    .map(({ name, schema }) => {
      const own = keys.filter((key) => key.path[0] === name);
      const description = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }).description;
      const isKey = own[0]?.path.length === 1;
      return [
        `## ${name}`,
        '',
        ...(description === undefined || isKey ? [] : [description, '']),
        '| key | takes | default | environment variable | a change takes effect | may be set by | what it does |',
        '|---|---|---|---|---|---|---|',
        ...own.map(row),
        '',
      ].join('\n');
    })
    .join('\n');
};
