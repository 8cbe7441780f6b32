import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { GenerateRequest, Tool } from '@golek/providers-spi';
import { answerGrammar } from './answer-grammar.ts';
import { grammarChecker, type GrammarChecker } from './schema-check.fixture.ts';
import { chat, failure, user } from './tiny-model.fixture.ts';
import { toolCallFormatOf } from './tool-calls.ts';

const found = toolCallFormatOf('answer with <tool_call>\n<function=name>\n<parameter=key>\nvalue\n</parameter>');
if (!found) throw new Error('no format');
const format = found;

const write: Tool = {
  name: 'write',
  parameters: {
    type: 'object',
    properties: {
      path: { type: 'string' },
      mode: { enum: ['new', 'append'] },
      lines: { type: 'integer' },
      tags: { type: 'array', items: { type: 'string' } },
    },
    required: ['path', 'mode'],
  },
};
const now: Tool = { name: 'now' };

interface Parsed {
  text: string;
  calls: { name: string; arguments: string }[];
}

const parse = (text: string, size: number): Parsed => {
  const parser = format.parser([write, now]);
  const result: Parsed = { text: '', calls: [] };
  let until = 0;
  const take = (pieces: ReturnType<typeof parser.push>): void => {
    for (const piece of pieces) {
      expect(piece.until).toBeGreaterThanOrEqual(until);
      until = piece.until;
      const call = result.calls.at(-1);
      if (piece.type === 'text') result.text += piece.text;
      else if (piece.type === 'call') result.calls.push({ name: piece.name, arguments: '' });
      else if (piece.type === 'arguments' && call) call.arguments += piece.text;
    }
  };
  for (let i = 0; i < text.length; i += size) take(parser.push(text.slice(i, i + size)));
  take(parser.end());
  return result;
};

const call = (name: string, parameters: readonly (readonly [string, string])[]): string =>
  `<tool_call>\n<function=${name}>\n${parameters
    .map(([key, value]) => `<parameter=${key}>\n${value}\n</parameter>\n`)
    .join('')}</function>\n</tool_call>`;

const code = 'if (a < b) {\n  say("é\\n");\n}\n';

test.each<[string, string, string, unknown[]]>([
  ['no parameters', call('now', []), '', [{}]],
  ['texts as they are', call('write', [['path', code]]), '', [{ path: code }]],
  ['an empty text', call('write', [['path', '']]), '', [{ path: '' }]],
  [
    'values that are JSON',
    call('write', [
      ['lines', '5'],
      ['tags', '["a", "b"]'],
    ]),
    '',
    [{ lines: 5, tags: ['a', 'b'] }],
  ],
  ['a value that should be JSON and is not', call('write', [['tags', 'a, b']]), '', [{ tags: 'a, b' }]],
  ['a text that looks like JSON', call('write', [['path', '5']]), '', [{ path: '5' }]],
  [
    'two calls behind a text',
    `Wait.\n${call('now', [])}\n${call('write', [['mode', 'new']])}`,
    'Wait.',
    [{}, { mode: 'new' }],
  ],
  [
    'values on the line of their tags',
    '<tool_call><function=write><parameter=path>a</parameter></function></tool_call>',
    '',
    [{ path: 'a' }],
  ],
  [
    'tags in a text',
    call('write', [['path', '</param </function> <parameter=x>']]),
    '',
    [{ path: '</param </function> <parameter=x>' }],
  ],
  ['no call', 'a <tool_call> b </tool_call>', 'a <tool_call> b </tool_call>', []],
  ['a function without a name', '<tool_call><function=>', '<tool_call><function=>', []],
  ['a call that breaks off', '<tool_call><function=now>oops', 'oops', [{}]],
])('%s', (_what, text, said, calls) => {
  for (let size = 1; size <= text.length; size++) {
    const parsed = parse(text, size);
    expect(parsed.text).toBe(said);
    expect(parsed.calls.map((one) => JSON.parse(one.arguments) as unknown)).toEqual(calls);
  }
});

test('texts go out while they are written, and a cut call has what was there', () => {
  const text = call('write', [['path', 'one two three']]);
  const parser = format.parser([write]);
  const pieces = Array.from(text, (character) => parser.push(character)).flat();
  expect(pieces.filter((piece) => piece.type === 'arguments').length).toBeGreaterThan(10);
  const whole = parse(text, 1).calls[0]?.arguments ?? '';
  for (let length = 0; length < text.length; length++) {
    expect(whole.startsWith(parse(text.slice(0, length), 1).calls[0]?.arguments ?? '')).toBe(true);
  }
});

describe('its grammar', () => {
  let checker: GrammarChecker;
  beforeAll(async () => {
    checker = await grammarChecker();
  });
  afterAll(() => checker[Symbol.asyncDispose]());

  const asking = (tools: Tool[], parallelToolCalls = true): GenerateRequest => ({
    ...chat(''),
    input: { type: 'chat', messages: [user('')], tools, toolChoice: { type: 'required' }, parallelToolCalls },
  });
  const matching = (texts: readonly string[], parallel = true): string[] => {
    const grammar = answerGrammar(asking([write, now], parallel), format, undefined) ?? '';
    return texts.filter((text) => checker.matches(grammar, text));
  };

  test('holds calls to the tools and their parameters', () => {
    const path = ['path', code] as const;
    const good = [
      call('now', []),
      call('write', [path, ['mode', 'new']]),
      call('write', [path, ['mode', 'append'], ['lines', '5'], ['tags', '["a"]']]),
      call('write', [
        ['path', '</param'],
        ['mode', 'new'],
        ['tags', '[]'],
      ]),
    ];
    expect(matching(good)).toEqual(good);
    const bad = [
      call('then', []),
      call('now', [['x', '1']]),
      call('write', [path]),
      call('write', [path, ['mode', 'old']]),
      call('write', [path, ['mode', 'new'], ['lines', 'five']]),
      call('write', [['mode', 'new'], path]),
      'text',
    ];
    expect(matching(bad)).toEqual([]);
    const two = `${call('now', [])}\n${call('now', [])}`;
    expect(matching([two])).toHaveLength(1);
    expect(matching([two], false)).toEqual([]);
  });

  test('refuses what it cannot hold for a strict tool only', async () => {
    const tool = (strict: boolean): Tool => ({
      name: 'f',
      strict,
      parameters: { type: 'object', properties: { id: { type: 'string', pattern: '^a+$' } }, required: ['id'] },
    });
    expect(answerGrammar(asking([tool(false)]), format, undefined)).toContain('parameter=id');
    const error = await failure(() => answerGrammar(asking([tool(true)]), format, undefined), 'unsupported');
    expect(error.details).toEqual({ tool: 'f', parameter: 'id' });
  });

  test('follows references to definitions', () => {
    const tool: Tool = {
      name: 'f',
      parameters: {
        type: 'object',
        properties: { at: { $ref: '#/$defs/point' } },
        required: ['at'],
        $defs: { point: { type: 'object', properties: { x: { type: 'integer' } }, required: ['x'] } },
      },
    };
    const grammar = answerGrammar(asking([tool]), format, undefined) ?? '';
    expect(checker.matches(grammar, call('f', [['at', '{"x": 1}']]))).toBe(true);
    expect(checker.matches(grammar, call('f', [['at', '{"x": "1"}']]))).toBe(false);
  });
});
