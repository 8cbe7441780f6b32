import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { ClientMessage, SocketTask } from './client-message.ts';
import { ServerMessage } from './server-message.ts';

const page = await readFile(new URL('../../../../docs/reference/websocket-api.md', import.meta.url), 'utf8');

const sectionOf = (heading: string): string =>
  page.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? '';

/** Rows of the tables of a section whose first column is a name, by that name. */
const rowsOf = (heading: string): ReadonlyMap<string, string> =>
  new Map(
    sectionOf(heading)
      .split('\n')
      .flatMap((line) => {
        const [, name, text] = /^\| `(\w+)` \|(.*)\|$/.exec(line) ?? [];
        return name === undefined || text === undefined ? [] : [[name, text]];
      }),
  );

const CLIENT = ClientMessage.options.map(({ shape }) => [shape.type.value, Object.keys(shape)] as const);

test.each(CLIENT)('%s has its keys on the page, and no other', (type, keys) => {
  const documented = [...rowsOf(type).keys()].filter((name) => !SocketTask.options.some((task) => task === name));
  expect(documented.sort()).toEqual([...keys].sort());
});

test('every task is on the page', () => {
  const tasks = [...rowsOf('start').keys()].filter((name) => SocketTask.options.some((task) => task === name));
  expect(tasks).toEqual(SocketTask.options);
});

/** Every variant of each message: its type and keys; of objects in it, and of objects in lists, theirs, too. */
const variants = ServerMessage.options
  .flatMap((schema): z.ZodObject[] => (schema instanceof z.ZodUnion ? [...schema.options] : [schema]))
  .map(({ shape }) => ({ type: String((shape['type'] as z.ZodLiteral).value), keys: keysOf(shape) }));

function keysOf(shape: z.core.$ZodShape): string[] {
  // What is as in HTTP is described there.
  const elsewhere = ['type', 'id', 'logprobs', 'usage', 'tensor'];
  return Object.entries(shape).flatMap(([name, schema]) => {
    if (elsewhere.includes(name)) return [];
    const inner = schema instanceof z.ZodExactOptional ? schema.unwrap() : schema;
    const item = inner instanceof z.ZodArray ? inner.element : inner;
    return [name, ...(item instanceof z.ZodObject && name !== 'document' ? keysOf(item.shape) : [])];
  });
}

test('every message of the server is on the page with its keys', () => {
  const rows = rowsOf('What the server sends');
  for (const { type, keys } of variants)
    for (const name of keys) expect(rows.get(type), `${type}: ${name}`).toContain(`\`${name}\``);
  expect([...rows.keys()].sort()).toEqual([...new Set(variants.map(({ type }) => type))].sort());
});
