import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failure } from './tiny-model.fixture.ts';
import { GrammarRules } from './gbnf.ts';
import { schemaRules } from './json-schema-grammar.ts';
import { grammarChecker, type GrammarChecker } from './schema-check.fixture.ts';

let checker: GrammarChecker;
beforeAll(async () => {
  checker = await grammarChecker();
});
afterAll(() => checker[Symbol.asyncDispose]());

type Case = readonly [
  what: string,
  schema: Record<string, unknown>,
  allowed: readonly string[],
  refused: readonly string[],
];

const person = {
  type: 'object',
  properties: { name: { type: 'string' }, age: { type: 'integer' }, city: { type: 'string' } },
  required: ['name', 'city'],
};

const CASES: readonly Case[] = [
  [
    'any value',
    {},
    ['{}', '[1, "a", null]', '-1.5e3', '"é"', 'true', '{"a": {"b": []}}'],
    ['', '{', "'a'", '01', '.5', 'nul', '"\n"', '"\\ud800"', '"\\x41"'],
  ],
  ['types', { type: ['string', 'null'] }, ['"a"', 'null'], ['1', 'true', '{}']],
  ['boolean', { type: 'boolean' }, ['true', 'false'], ['"true"', '0']],
  ['integer', { type: 'integer' }, ['0', '-7', '123456789012345'], ['1.5', '1e3', '007', '1234567890123456']],
  ['number', { type: 'number' }, ['0', '-7.25', '1e10', '1.5E-3'], ['+1', '1.', '.1', 'NaN']],
  ['enum', { enum: ['a', 1, null, { x: [1] }] }, ['"a"', '1', 'null', '{"x":[1]}'], ['"b"', '2', '{"x":[2]}']],
  ['enum of a type', { type: 'string', enum: ['a', 'b', 3] }, ['"a"'], ['3']],
  ['const', { const: 'only "this"' }, ['"only \\"this\\""'], ['"only"']],
  [
    'optional and required properties',
    person,
    ['{"name": "A", "age": 3, "city": "B"}', '{"name":"A","city":"B"}', '{ "name": "A", "city": "B" }'],
    [
      '{"name": "A"}',
      '{"city": "B", "name": "A"}',
      '{"name": "A", "city": "B", "x": 1}',
      '{"name": "A", "age": "3", "city": "B"}',
      '{"name": "A",, "city": "B"}',
    ],
  ],
  [
    'all optional',
    { type: 'object', properties: { a: { type: 'integer' }, b: { type: 'integer' }, c: { type: 'integer' } } },
    ['{}', '{"a": 1}', '{"b": 1}', '{"c": 1}', '{"a": 1, "c": 2}', '{"a": 1, "b": 2, "c": 3}', '{"b": 2, "c": 3}'],
    ['{"b": 1, "a": 2}', '{"a": 1,}', '{,"a": 1}', '{"a": 1 "b": 2}'],
  ],
  [
    'pretty printing',
    person,
    ['{\n  "name": "A",\n  "city": "B"\n}'],
    ['{\n\n  "name": "A", "city": "B"}', '{  "name": "A", "city": "B"}'],
  ],
  [
    'no properties allowed',
    { type: 'object', properties: {}, additionalProperties: false },
    ['{}', '{ }'],
    ['{"a": 1}'],
  ],
  ['any object', { type: 'object' }, ['{}', '{"a": 1}'], ['[]']],
  ['a map', { type: 'object', additionalProperties: { type: 'integer' } }, ['{}', '{"a": 1, "b": 2}'], ['{"a": "1"}']],
  [
    'properties and others',
    {
      type: 'object',
      properties: { a: { type: 'integer' }, ab: { type: 'integer' } },
      required: ['a'],
      additionalProperties: { type: 'string' },
    },
    ['{"a": 1}', '{"a": 1, "ab": 2}', '{"a": 1, "x": "y", "abc": "z"}', '{"a": 1, "b": "c", "aé": "d"}'],
    [
      '{"a": "1"}',
      '{"x": "y"}',
      '{"a": 1, "ab": "2"}',
      '{"a": 1, "a": "x"}',
      '{"a": 1, "\\u0061": "x"}',
      '{"a": 1, "x": 2}',
    ],
  ],
  [
    'required without a property',
    { type: 'object', required: ['id'] },
    ['{"id": 1}', '{"id": []}'],
    ['{}', '{"x": 1}'],
  ],
  ['array', { type: 'array', items: { type: 'integer' } }, ['[]', '[1]', '[1, 2,3]'], ['["1"]', '[1,]', '[,1]']],
  [
    'array bounds',
    { type: 'array', items: { type: 'integer' }, minItems: 2, maxItems: 3 },
    ['[1, 2]', '[1, 2, 3]'],
    ['[]', '[1]', '[1, 2, 3, 4]'],
  ],
  ['at most one item', { type: 'array', maxItems: 1 }, ['[]', '["a"]'], ['[1, 2]']],
  ['no items', { type: 'array', items: false }, ['[]'], ['[1]']],
  [
    'tuple',
    { type: 'array', prefixItems: [{ type: 'string' }, { type: 'integer' }], items: false },
    ['["a", 1]'],
    ['["a"]', '["a", 1, 2]', '[1, "a"]'],
  ],
  [
    'tuple and more',
    { type: 'array', prefixItems: [{ type: 'string' }], items: { type: 'integer' }, minItems: 2, maxItems: 3 },
    ['["a", 1]', '["a", 1, 2]'],
    ['["a"]', '["a", 1, 2, 3]', '["a", "b"]'],
  ],
  [
    'string lengths',
    { type: 'string', minLength: 2, maxLength: 3 },
    ['"ab"', '"abc"', '"日本語"', '"\\"\\n"', '"🎉🎉"'],
    ['"a"', '"abcd"', '"\\ud83c\\udf89"', '""'],
  ],
  ['exact length', { type: 'string', minLength: 2, maxLength: 2 }, ['"ab"'], ['"a"', '"abc"']],
  [
    'pattern',
    { type: 'string', pattern: '^[A-Z]{2}-\\d{3}$' },
    ['"AB-123"'],
    ['"ab-123"', '"AB-12"', '"AB-1234"', '"xAB-123"'],
  ],
  ['pattern anywhere', { pattern: 'b+' }, ['"b"', '"abbc"', '"\\"b"'], ['"ac"', '""']],
  [
    'pattern with characters that JSON escapes',
    { type: 'string', pattern: '^["\\\\\\n]+$' },
    ['"\\""', '"\\\\\\n"'],
    ['"a"', '"""', '"\\u0022"'],
  ],
  [
    'pattern of repetitions in one another',
    { type: 'string', pattern: '^(?:a{2}b?){2}(?:c{0,2})?(?:x*y*)*$' },
    ['"aaaa"', '"aabaab"', '"aaaacc"', '"aaaaxxyx"'],
    ['"aaba"', '"aaaaccc"', '"aaaabb"'],
  ],
  [
    'pattern of alternatives',
    { type: 'string', pattern: '^(yes|no)$|^maybe' },
    ['"yes"', '"no"', '"maybe so"'],
    ['"yes!"', '"so maybe"'],
  ],
  [
    'pattern classes',
    { type: 'string', pattern: '^\\w[^a-c\\s]\\S.(?<x>\\u0041|[\\x42\\]])?$' },
    ['"_d!x"', '"ad-\\"A"', '"ad-x]"', '"ad-xB"'],
    ['"_a!x"', '"_ !x"', '"-d!x"', '"ad-xC"'],
  ],
  [
    'format date',
    { type: 'string', format: 'date' },
    ['"2026-02-28"', '"2026-12-31"'],
    ['"2026-02-30"', '"2026-13-01"', '"26-01-01"'],
  ],
  [
    'format date-time',
    { type: 'string', format: 'date-time' },
    ['"2026-11-22T16:04:00Z"', '"2026-11-22T16:04:00.5+01:00"'],
    ['"2026-11-22"', '"2026-11-22T25:00:00Z"'],
  ],
  [
    'format uuid',
    { type: 'string', format: 'uuid' },
    ['"123e4567-e89b-12d3-a456-426614174000"'],
    ['"123e4567e89b12d3a456426614174000"'],
  ],
  [
    'format email',
    { type: 'string', format: 'email' },
    ['"a.b@example.org"'],
    ['"a@b"', '"@example.org"', '"a..b@example.org"'],
  ],
  ['format uri', { type: 'string', format: 'uri' }, ['"https://example.org/a?b=c#d"'], ['"example.org"', '"https://"']],
  ['format ipv4', { type: 'string', format: 'ipv4' }, ['"192.168.0.255"'], ['"256.1.1.1"', '"1.1.1"']],
  ['anyOf', { anyOf: [{ type: 'integer' }, { type: 'array', items: { type: 'integer' } }] }, ['1', '[1]'], ['"1"']],
  [
    'type beside anyOf',
    {
      type: 'object',
      anyOf: [
        { properties: { a: { const: 1 } }, required: ['a'] },
        { properties: { b: { const: 2 } }, required: ['b'] },
      ],
    },
    ['{"a": 1}', '{"b": 2}'],
    ['{"a": 2}', '{}'],
  ],
  [
    'oneOf with a tag',
    {
      oneOf: [
        { type: 'object', properties: { kind: { const: 'a' }, x: { type: 'integer' } }, required: ['kind', 'x'] },
        { type: 'object', properties: { kind: { const: 'b' } }, required: ['kind'] },
      ],
    },
    ['{"kind": "a", "x": 1}', '{"kind": "b"}'],
    ['{"kind": "a"}', '{"kind": "c"}'],
  ],
  ['allOf of one', { allOf: [{ type: 'integer', minimum: 3 }] }, ['3'], ['2']],
  [
    'references',
    {
      $defs: { point: { type: 'array', items: { type: 'integer' }, minItems: 2, maxItems: 2 } },
      type: 'object',
      properties: { from: { $ref: '#/$defs/point' }, to: { $ref: '#/$defs/point', description: 'where to' } },
      required: ['from', 'to'],
    },
    ['{"from": [1, 2], "to": [3, 4]}'],
    ['{"from": [1], "to": [3, 4]}'],
  ],
  [
    'a tree',
    {
      $ref: '#/$defs/node',
      $defs: {
        node: {
          type: 'object',
          properties: { value: { type: 'integer' }, next: { anyOf: [{ $ref: '#/$defs/node' }, { type: 'null' }] } },
          required: ['value', 'next'],
        },
      },
    },
    ['{"value": 1, "next": null}', '{"value": 1, "next": {"value": 2, "next": null}}'],
    ['{"value": 1}', '{"value": 1, "next": 2}'],
  ],
  ['reference to the whole', { type: 'array', items: { $ref: '#' } }, ['[]', '[[], [[]]]'], ['[1]']],
  [
    'annotations',
    { title: 'T', description: 'D', default: 1, examples: [1], 'x-order': 2, type: 'integer' },
    ['1'],
    ['"1"'],
  ],
];

describe.each(CASES)('%s', (_what, schema, allowed, refused) => {
  test.each(allowed)('allows %s', (text) => {
    expect(checker.allows(schema, text)).toBe(true);
  });
  test.each(refused)('refuses %s', (text) => {
    expect(checker.allows(schema, text)).toBe(false);
  });
});

describe('bounds of integers', () => {
  test.each([
    [0, 9],
    [5, 5],
    [3, 17],
    [0, 120],
    [99, 101],
    [-5, 5],
    [-120, -99],
    [-1, 0],
    [17, 1234],
    [100, 999],
  ])('%i to %i', (minimum, maximum) => {
    for (let n = minimum - 30; n <= maximum + 30; n++) {
      const inside = n >= minimum && n <= maximum;
      expect([n, checker.allows({ type: 'integer', minimum, maximum }, String(n))]).toEqual([n, inside]);
    }
  });

  test('open on one side, exclusive, fractional, as zod writes them', () => {
    const allows = (schema: object, n: number): boolean => checker.allows({ type: 'integer', ...schema }, String(n));
    expect([-1, 0, 1, 1e14].map((n) => allows({ minimum: 0 }, n))).toEqual([false, true, true, true]);
    expect([-1e14, -1, 0, 1].map((n) => allows({ maximum: 0 }, n))).toEqual([true, true, true, false]);
    expect([0, 1, 9, 10].map((n) => allows({ exclusiveMinimum: 0, exclusiveMaximum: 10 }, n))).toEqual([
      false,
      true,
      true,
      false,
    ]);
    expect([1, 2, 3, 4].map((n) => allows({ minimum: 1.5, maximum: 3.5 }, n))).toEqual([false, true, true, false]);
    const safe = { minimum: -9007199254740991, maximum: 9007199254740991 };
    expect([-123456789012345, 0, 123456789012345].map((n) => allows(safe, n))).toEqual([true, true, true]);
  });
});

test.each([
  [{ minimum: 0, maximum: 1 }, ['0', '0.5', '1', '1.0', '0.0'], ['-0.1', '1.01', '2']],
  [{ exclusiveMinimum: 0, exclusiveMaximum: 1 }, ['0.5', '0.001'], ['0', '0.0', '1', '1.0', '-0.5']],
  [{ minimum: -10, maximum: 5 }, ['-10', '-9.99', '-0.5', '0', '4.9', '5', '5.0'], ['-10.01', '5.1', '6']],
  [{ minimum: 3 }, ['3', '3.5', '100.25'], ['2.99', '-4']],
  [{ exclusiveMaximum: 0 }, ['-0.5', '-100'], ['0', '-0', '0.5']],
  [{ exclusiveMinimum: -3, maximum: -1 }, ['-2.99', '-2', '-1', '-1.0'], ['-3', '-3.0', '-0.5']],
])('bounds of numbers %j', (bounds, allowed, refused) => {
  const schema = { type: 'number', ...bounds };
  expect(allowed.filter((text) => !checker.allows(schema, text))).toEqual([]);
  expect(refused.filter((text) => checker.allows(schema, text))).toEqual([]);
});

const convert = (schema: Record<string, unknown>) => () => schemaRules(new GrammarRules(), schema);

test.each<[string, string, Record<string, unknown>]>([
  ['uniqueItems', '#', { type: 'array', uniqueItems: true }],
  ['multipleOf', '#/properties/a', { properties: { a: { type: 'integer', multipleOf: 2 } } }],
  ['patternProperties', '#', { type: 'object', patternProperties: { a: {} } }],
  ['not', '#/items', { items: { not: { type: 'null' } } }],
  ['format', '#', { type: 'string', format: 'ipv6' }],
  ['pattern', '#', { type: 'string', pattern: '^(?=a)b' }],
  ['pattern', '#', { type: 'string', pattern: '(a)\\1' }],
  ['pattern', '#', { type: 'string', pattern: '\\bword' }],
  ['pattern', '#', { type: 'string', pattern: 'a', maxLength: 3 }],
  ['pattern', '#', { type: 'string', pattern: '^((a{0,200}){0,200}){0,200}$' }],
  ['pattern', '#', { type: 'string', pattern: '^(a{1,200}b{1,200}){1,200}$' }],
  ['pattern', '#', { type: 'string', pattern: '^(a|)*$' }],
  ['pattern', '#', { type: 'string', pattern: '^(a?b*){2,}$' }],
  ['enum', '#', { enum: Array.from({ length: 5_001 }, (_, i) => i) }],
  ['properties', '#', { required: Array.from({ length: 5_001 }, (_, i) => `p${i}`) }],
  ['additionalProperties', '#', { properties: { ['p'.repeat(501)]: {} }, additionalProperties: true }],
  ['maxLength', '#', { type: 'string', maxLength: 5000 }],
  ['minimum', '#', { type: 'number', minimum: 0.5 }],
  ['oneOf', '#', { oneOf: [{ type: 'integer' }, { type: 'number' }] }],
  ['allOf', '#', { allOf: [{ type: 'integer' }, { minimum: 1 }] }],
  ['$ref', '#', { $ref: 'https://example.org/schema' }],
  ['properties', '#', { $ref: '#/$defs/a', properties: {}, $defs: { a: {} } }],
  ['false', '#/properties/a', { properties: { a: false } }],
  ['requred', '#', { type: 'object', requred: [] }],
])("what cannot be enforced is refused by name: '%s' at %s", async (keyword, at, schema) => {
  const error = await failure(convert(schema), 'unsupported');
  expect(error.details).toEqual({ option: 'output.json-schema', keyword, at });
  expect(error.message).toContain(`'${keyword}'`);
});

test('a misspelt keyword is offered the right one', async () => {
  expect((await failure(convert({ requred: [] }), 'unsupported')).message).toContain("did you mean 'required'");
  expect((await failure(convert({ minProperties: 2 }), 'unsupported')).message).not.toContain('did you mean');
});

test.each<[string, Record<string, unknown>]>([
  ['type', { type: 'strin' }],
  ['enum', { enum: [] }],
  ['exclude each other', { type: 'integer', minimum: 5, maximum: 4 }],
  ['exclude each other', { type: 'string', enum: [1] }],
  ['does not exist', { $ref: '#/$defs/none' }],
  ['not percent-encoded', { $ref: '#/$defs/100%', $defs: { '100%': {} } }],
  ['refers to itself', { $ref: '#' }],
  [
    'refers to itself',
    { $ref: '#/$defs/a', $defs: { a: { anyOf: [{ $ref: '#/$defs/b' }] }, b: { $ref: '#/$defs/a' } } },
  ],
  ['minItems', { type: 'array', minItems: -1 }],
  ['maxItems', { type: 'array', minItems: 3, maxItems: 2 }],
  ['properties', { properties: [] }],
])('what is no JSON Schema is an invalid request: %s', async (words, schema) => {
  expect((await failure(convert(schema), 'invalid_request')).message).toContain(words);
});

test('depth and size are bounded', async () => {
  let deep: Record<string, unknown> = { type: 'integer' };
  for (let i = 0; i < 100; i++) deep = { type: 'array', items: deep };
  expect((await failure(convert(deep), 'unsupported')).details).toMatchObject({ keyword: 'nesting' });
  const wide = Object.fromEntries(
    Array.from({ length: 100 }, (_, i) => [`p${i}`, { type: 'string', maxLength: 1000 + i }]),
  );
  expect((await failure(convert({ properties: wide }), 'unsupported')).details).toMatchObject({ keyword: 'maxLength' });
});
