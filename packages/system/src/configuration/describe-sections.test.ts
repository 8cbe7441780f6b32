import { expect, test } from 'vitest';
import { z } from 'zod';
import { configSection } from './config-section.ts';
import { configurationKeys } from './config-key.ts';
import { configurationJsonSchema } from './json-schema.ts';
import { configurationReference } from './reference.ts';
import { tenantsConfig } from './tenants-config.ts';

const server = configSection(
  'server',
  z
    .strictObject({
      graceMs: z
        .int()
        .min(0)
        .default(30_000)
        .describe('Time for open work | in ms.')
        .meta({ live: true, overridable: ['tenant', 'request'] }),
      token: z.string().default('x').meta({ secret: true, description: 'A secret.' }),
      tls: z.strictObject({ certFile: z.string().optional() }).prefault({}),
    })
    .describe('The server.'),
);
const home = configSection('home', z.string().default('~/.golek').describe('The data folder.'));

test('keys have names for every layer', () => {
  expect(
    configurationKeys([server, home]).map(({ key, variable, flag, secret }) => [key, variable, flag, secret]),
  ).toEqual([
    ['server.graceMs', 'GOLEK_SERVER_GRACE_MS', '--server.graceMs', false],
    ['server.token', 'GOLEK_SERVER_TOKEN', '--server.token', true],
    ['server.tls.certFile', 'GOLEK_SERVER_TLS_CERT_FILE', '--server.tls.certFile', false],
    ['home', 'GOLEK_HOME', '--home', false],
  ]);
});

test('the JSON Schema accepts what the sections accept and refuses unknown keys', () => {
  const schema = configurationJsonSchema([server, home]);
  expect(schema).toMatchObject({
    type: 'object',
    additionalProperties: false,
    properties: {
      server: {
        additionalProperties: false,
        properties: {
          graceMs: { type: 'integer', minimum: 0, default: 30_000, description: 'Time for open work | in ms.' },
        },
      },
      home: { type: 'string', default: '~/.golek' },
    },
  });
  expect(schema.required).toBeUndefined();
});

test('the JSON Schema knows what tenants may set', () => {
  expect(configurationJsonSchema([server, tenantsConfig]).properties?.['tenants']).toMatchObject({
    type: 'object',
    additionalProperties: {
      type: 'object',
      additionalProperties: false,
      properties: { 'server.graceMs': { type: 'integer', minimum: 0 } },
    },
  });
});

test('the reference lists every key with type, default and description; no default of a secret', () => {
  expect(configurationReference([server, home])).toBe(
    [
      '## server',
      '',
      'The server.',
      '',
      '| key | takes | default | environment variable | a change takes effect | may be set by | what it does |',
      '|---|---|---|---|---|---|---|',
      '| `server.graceMs` | an integer of at least 0 | `30000` | `GOLEK_SERVER_GRACE_MS` | at once | tenant, request | Time for open work \\| in ms. |',
      '| `server.token` | a text, or `env:NAME`, `file:/path` |  | `GOLEK_SERVER_TOKEN` | restart |  | A secret. |',
      '| `server.tls.certFile` | a text |  | `GOLEK_SERVER_TLS_CERT_FILE` | restart |  |  |',
      '',
      '## home',
      '',
      '| key | takes | default | environment variable | a change takes effect | may be set by | what it does |',
      '|---|---|---|---|---|---|---|',
      '| `home` | a text | `"~/.golek"` | `GOLEK_HOME` | restart |  | The data folder. |',
      '',
    ].join('\n'),
  );
});
