import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GrammarRules } from './gbnf.ts';
import { TAGGED_FORMATS } from './tagged-tool-calls.ts';
import { anyObject } from './json-grammar.ts';
import { grammarChecker, type GrammarChecker } from './schema-check.fixture.ts';
import { toolCallFormatOf } from './tool-calls.ts';

const hermes = TAGGED_FORMATS.find(({ name }) => name === 'hermes');
if (!hermes) throw new Error('no hermes');

interface Parsed {
  text: string;
  calls: { name: string; arguments: string }[];
}

const parse = (text: string, size: number): Parsed => {
  const parser = hermes.parser([]);
  const result: Parsed = { text: '', calls: [] };
  let until = 0;
  const take = (pieces: ReturnType<typeof parser.push>): void => {
    for (const piece of pieces) {
      expect(piece.until).toBeGreaterThanOrEqual(until);
      expect(piece.until).toBeLessThanOrEqual(text.length);
      until = piece.until;
      if (piece.type === 'text') result.text += piece.text;
      else if (piece.type === 'call') result.calls.push({ name: piece.name, arguments: '' });
      else if (piece.type === 'arguments') {
        const call = result.calls.at(-1);
        if (call) call.arguments += piece.text;
      }
    }
  };
  for (let i = 0; i < text.length; i += size) take(parser.push(text.slice(i, i + size)));
  take(parser.end());
  return result;
};

const call = (name: string, args: string): string =>
  `<tool_call>\n{"name": "${name}", "arguments": ${args}}\n</tool_call>`;

test.each<[string, string, Parsed]>([
  ['text', 'Just text, 1 < 2 <tool ', { text: 'Just text, 1 < 2 <tool ', calls: [] }],
  [
    'a call',
    call('f', '{"a": "x}\\"{", "b": [1, {"c": null}]}'),
    { text: '', calls: [{ name: 'f', arguments: '{"a": "x}\\"{", "b": [1, {"c": null}]}' }] },
  ],
  [
    'text before a call',
    `Let me look.\n\n${call('f', '{}')}`,
    { text: 'Let me look.', calls: [{ name: 'f', arguments: '{}' }] },
  ],
  [
    'two calls',
    `${call('f', '{"a": 1}')}\n${call('g', '{}')}\n`,
    {
      text: '',
      calls: [
        { name: 'f', arguments: '{"a": 1}' },
        { name: 'g', arguments: '{}' },
      ],
    },
  ],
  ['text after a call', `${call('f', '{}')}\nDone.`, { text: '\nDone.', calls: [{ name: 'f', arguments: '{}' }] }],
  [
    'no closing tag',
    '<tool_call>{"name":"f","arguments":{"a":1}} and so on',
    { text: ' and so on', calls: [{ name: 'f', arguments: '{"a":1}' }] },
  ],
  [
    'arguments before the name',
    '<tool_call>{"arguments": {"a": 1}, "name": "f"}</tool_call>',
    { text: '', calls: [{ name: 'f', arguments: '{"a": 1}' }] },
  ],
  ['no arguments', '<tool_call>{"name": "f"}</tool_call>', { text: '', calls: [{ name: 'f', arguments: '{}' }] }],
  [
    'arguments as a string',
    '<tool_call>{"name": "f", "arguments": "{\\"a\\": 1}"}</tool_call>',
    { text: '', calls: [{ name: 'f', arguments: '{"a": 1}' }] },
  ],
  [
    'other keys and an escaped name',
    '<tool_call>{"id": 7, "name": "f\\u0041", "extra": {"name": "x"}, "parameters": {}}</tool_call>',
    { text: '', calls: [{ name: 'fA', arguments: '{}' }] },
  ],
  [
    'cut in the arguments',
    '<tool_call>{"name": "f", "arguments": {"a": "un',
    { text: '', calls: [{ name: 'f', arguments: '{"a": "un' }] },
  ],
  ['cut before the name', 'Hm. <tool_call>{"na', { text: 'Hm. <tool_call>{"na', calls: [] }],
  ['no JSON', '<tool_call>oops</tool_call> ok', { text: '<tool_call>oops</tool_call> ok', calls: [] }],
  [
    'no name',
    '<tool_call>{"arguments": {}}</tool_call>',
    { text: '<tool_call>{"arguments": {}}</tool_call>', calls: [] },
  ],
  [
    'a closing brace too many',
    '<tool_call>{"name": "f", "arguments": }',
    { text: '', calls: [{ name: 'f', arguments: '' }] },
  ],
])('%s, in pieces of any size', (_what, text, expected) => {
  for (let size = 1; size <= text.length; size++) expect(parse(text, size)).toEqual(expected);
});

test('arguments go out while they are written', () => {
  const parser = hermes.parser([]);
  const types = Array.from(call('f', '{"city": "Paris"}'), (character) => parser.push(character)).flat();
  expect(types.filter((piece) => piece.type === 'arguments').length).toBeGreaterThan(10);
  expect(types[0]).toMatchObject({ type: 'call', name: 'f' });
});

test('the format is found from the chat template', () => {
  expect(toolCallFormatOf('… <tool_call>\n{"name": <function-name>, "arguments": <args-json-object>} …')?.name).toBe(
    'hermes',
  );
  expect(toolCallFormatOf('… \'<tool_call>\\n{\\"name\\": \\"\' + name + \'\\", \\"arguments\\": \' …')?.name).toBe(
    'hermes',
  );
  expect(toolCallFormatOf('<tool_call>\n<function=example>\n"arguments"')).toBeUndefined();
  expect(toolCallFormatOf('<tool_call>{name}\n<arg_key>k</arg_key> "arguments"')).toBeUndefined();
  expect(toolCallFormatOf('{{ messages }}')).toBeUndefined();
});

describe('grammar', () => {
  let checker: GrammarChecker;
  beforeAll(async () => {
    checker = await grammarChecker();
  });
  afterAll(() => checker[Symbol.asyncDispose]());

  const rules = new GrammarRules();
  const tools = ['f', 'g'].map((name) => ({ name, arguments: anyObject(rules) }));
  const required = rules.text(hermes.callRule(rules, tools, true));
  const single = rules.text(hermes.callRule(rules, tools, false));
  const free = rules.text(hermes.textOrCalls(rules, tools, true));

  test.each([
    [
      'required',
      required,
      [
        call('f', '{}'),
        `${call('g', '{"a": 1}')}\n${call('f', '{}')}`,
        '<tool_call>{"name":"f","arguments":{}}</tool_call>',
      ],
      ['', 'text', call('h', '{}'), call('f', '[]'), `${call('f', '{}')} text`],
    ],
    ['single', single, [call('f', '{}')], [`${call('f', '{}')}\n${call('f', '{}')}`]],
    [
      'free',
      free,
      [
        '',
        'any text',
        'a < b <tool_ <too <<tool_cal',
        call('f', '{}'),
        `Wait.\n${call('f', '{}')}`,
        '<<tool_call>\n{"name": "f", "arguments": {}}\n</tool_call>',
        `<tool_<tool_call>${call('f', '{}').slice(11)}`,
      ],
      ['<tool_call>', '<tool_call> no', call('h', '{}'), `${call('f', '{}')} text`, 'a <tool_call>{"name": "x"}'],
    ],
  ])('%s', (_name, grammar, allowed, refused) => {
    expect(allowed.filter((text) => !checker.matches(grammar, text))).toEqual([]);
    expect(refused.filter((text) => checker.matches(grammar, text))).toEqual([]);
  });
});

test('a call that the limit of tokens cuts before its name is no text', () => {
  for (const [text, before] of [
    ['Hm. <tool_call>{"na', 'Hm.'],
    ['<tool_call>', ''],
  ] as const) {
    const parser = hermes.parser([]);
    const pieces = [...parser.push(text), ...parser.end(true)];
    expect(pieces.map((piece) => (piece.type === 'text' ? piece.text : piece.type))).toEqual(
      before === '' ? ['cut'] : [before, 'cut'],
    );
  }
  const plain = hermes.parser([]);
  expect([...plain.push('1 < 2 <tool'), ...plain.end(true)].map(({ type }) => type)).toEqual(['text', 'text']);
});
