import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ModelSession, Provider } from '@golek/providers-spi';
import { answer, chat, failure, openTiny } from './tiny-model.fixture.ts';

let provider: Provider;
let session: ModelSession;

beforeAll(async () => {
  ({ provider, session } = await openTiny());
});
afterAll(() => provider[Symbol.asyncDispose]());

const hot = { temperature: 2, topK: 0, topP: 1, minP: 0.001 };

test('any seed gives JSON of the schema, as long as the limit allows', async () => {
  const schema = {
    type: 'object',
    properties: {
      name: { type: 'string', minLength: 1, maxLength: 8 },
      age: { type: 'integer', minimum: 0, maximum: 120 },
      tags: { type: 'array', items: { enum: ['a', 'b'] }, maxItems: 3 },
      note: { anyOf: [{ type: 'null' }, { type: 'string', pattern: '^[A-Z]{2}\\d$' }] },
    },
    required: ['name', 'age', 'note'],
    additionalProperties: false,
  };
  const requests = Array.from({ length: 8 }, (_, seed) =>
    answer(
      session,
      chat('Give me a person.', {
        output: { type: 'json-schema', schema },
        sampling: { ...hot, seed },
        maxTokens: 400,
      }),
    ),
  );
  for (const { choices } of await Promise.all(requests)) {
    expect(choices[0]?.finish).toBe('stop');
    const value = JSON.parse(choices[0]?.text ?? '') as Record<string, unknown>;
    const length = Array.from(value['name'] as string).length;
    expect(length >= 1 && length <= 8).toBe(true);
    expect(Number.isInteger(value['age']) && Number(value['age']) >= 0 && Number(value['age']) <= 120).toBe(true);
    expect(value['note'] === null || /^[A-Z]{2}\d$/.test(value['note'] as string)).toBe(true);
    const tags = (value['tags'] ?? []) as string[];
    expect(tags.length <= 3 && tags.every((tag) => ['a', 'b'].includes(tag))).toBe(true);
    expect(Object.keys(value).every((key) => key in schema.properties)).toBe(true);
  }
});

test('any JSON object', async () => {
  const text = 'Extract name, age and city as JSON: Anna is 31 years old and lives in Oslo.';
  const { choices } = await answer(session, chat(text, { output: { type: 'json' } }));
  expect(JSON.parse(choices[0]?.text ?? '')).toEqual({ name: 'Anna', age: 31, city: 'Oslo' });
});

test('a grammar', async () => {
  const { choices } = await answer(
    session,
    chat('Hello!', { output: { type: 'grammar', grammar: 'root ::= ("yes" | "no") "!"{3}' } }),
  );
  expect(choices[0]?.text).toMatch(/^(yes|no)!!!$/);
});

test('what is no grammar, or none that is safe to read, is refused', async () => {
  const asking = (grammar: string) => answer(session, chat('Hi', { output: { type: 'grammar', grammar } }));
  for (const grammar of [
    'root = "a"',
    'start ::= "a"',
    'root ::= missing',
    'root ::= root "a"',
    'root ::= "a"{5,2}',
    '',
  ]) {
    await failure(asking(grammar), 'invalid_request');
  }
  expect((await failure(asking('root ::= missing'), 'invalid_request')).details).toEqual({ option: 'output.grammar' });
  expect((await asking('root ::= "a"')).choices[0]?.text).toBe('a');
});

test('bytes that a grammar takes for a character, but that are none, end their own answer with an error', async () => {
  // Beyond the last code point: llama.cpp can spell it, UTF-8 cannot.
  const broken = answer(session, chat('Hi', { output: { type: 'grammar', grammar: 'root ::= "a" [\\U0011FFFF]' } }));
  const good = answer(session, chat('Count from 3 to 9.'));
  const error = await failure(broken, 'provider_failed');
  expect(error.message).toContain('UTF-8');
  expect((await good).choices[0]?.text).toBe('3, 4, 5, 6, 7, 8, 9');
  expect(session.health()).toMatchObject({ status: 'ok' });
});

test('a grammar that no token can go on with ends its own answer with an error', async () => {
  // llama.cpp leaves out tokens that begin with NUL.
  const stuck = answer(session, chat('Hi', { output: { type: 'grammar', grammar: 'root ::= "a" [\\x00]' } }));
  const good = answer(session, chat('Count from 3 to 9.'));
  expect((await failure(stuck, 'provider_failed')).message).toContain('no token');
  expect((await good).choices[0]?.text).toBe('3, 4, 5, 6, 7, 8, 9');
});

test('a keyword that cannot be enforced is refused by name', async () => {
  const error = await failure(
    answer(session, chat('Hi', { output: { type: 'json-schema', schema: { type: 'array', uniqueItems: true } } })),
    'unsupported',
  );
  expect(error.details).toEqual({ option: 'output.json-schema', keyword: 'uniqueItems', at: '#' });
});
