import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ChatTemplate } from './chat-template.ts';
import { GrammarRules } from './gbnf.ts';
import { anyObject } from './json-grammar.ts';
import { grammarChecker, type GrammarChecker } from './schema-check.fixture.ts';
import { toolCallFormatOf, type ToolCallFormat } from './tool-calls.ts';

interface Call {
  name: string;
  arguments: string;
}

interface Parsed {
  text: string;
  calls: Call[];
}

const formatFor = (template: string): ToolCallFormat => {
  const format = toolCallFormatOf(template);
  if (!format) throw new Error(`no format for ${template}`);
  return format;
};

const parse = (format: ToolCallFormat, text: string, size: number): Parsed => {
  const parser = format.parser([{ name: 'f' }, { name: 'g' }]);
  const result: Parsed = { text: '', calls: [] };
  let until = 0;
  const take = (pieces: ReturnType<typeof parser.push>): void => {
    for (const piece of pieces) {
      expect(piece.until).toBeGreaterThanOrEqual(until);
      expect(piece.until).toBeLessThanOrEqual(text.length);
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

/** A linear congruential generator: the same texts in every run. */
const randomNumbers = (seed: number): (() => number) => {
  let state = seed;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
};

const call = (name: string, args = '{}'): Call => ({ name, arguments: args });
const hard = '{"a": "x}\\"]{", "b": [1, {"c": null}]}';

interface Family {
  /** What a template of the family says, as far as it is looked at. */
  readonly template: string;
  /** The text of calls as the grammar has it. */
  readonly write: (calls: readonly Call[]) => string;
  /** Where a call begins. */
  readonly open: string;
  /** Texts and what they are read as. */
  readonly reads: readonly (readonly [string, Parsed])[];
}

const list = (calls: readonly Call[], key = 'arguments'): string =>
  `[${calls.map((one) => `{"name": "${one.name}", "${key}": ${one.arguments}}`).join(', ')}]`;

const FAMILIES: Readonly<Record<string, Family>> = {
  mistral: {
    template: '{% for m in messages %}[TOOL_CALLS] [{{ m.tool_calls[0].function | tojson }}]{% endfor %}',
    open: '[TOOL_CALLS]',
    write: (calls) => `[TOOL_CALLS]${list(calls)}`,
    reads: [
      [
        '[TOOL_CALLS] [ {"name":"f","arguments":{"a":1},"id":"abcdefghi"} ]\n',
        { text: '', calls: [call('f', '{"a":1}')] },
      ],
      ['[TOOL_CALLS]{"name":"f","arguments":{}}', { text: '', calls: [call('f')] }],
      ['Hm. [TOOL_CALLS] none', { text: 'Hm. [TOOL_CALLS] none', calls: [] }],
      ['[TOOL_CALLS][]', { text: '[TOOL_CALLS][]', calls: [] }],
    ],
  },
  'mistral-with-ids': {
    template: '[TOOL_CALLS]{{ name }}[CALL_ID]{{ id }}[ARGS]{{ args }}',
    open: '[TOOL_CALLS]',
    write: (calls) => calls.map((one) => `[TOOL_CALLS]${one.name}[CALL_ID]a1b2c3d4e[ARGS]${one.arguments}`).join(''),
    reads: [['[TOOL_CALLS]f[ARGS]{"a":1}', { text: '', calls: [call('f', '{"a":1}')] }]],
  },
  'mistral-by-name': {
    template: '[TOOL_CALLS]{{ name }}[ARGS]{{ args }}',
    open: '[TOOL_CALLS]',
    write: (calls) => calls.map((one) => `[TOOL_CALLS]${one.name}[ARGS]${one.arguments}`).join(''),
    reads: [
      ['Look: [TOOL_CALLS]f[ARGS] {"a": 1} ok', { text: 'Look: ok', calls: [call('f', '{"a": 1}')] }],
      ['[TOOL_CALLS]f[ARGS]no', { text: 'no', calls: [call('f', '')] }],
      ['[TOOL_CALLS]f', { text: '[TOOL_CALLS]f', calls: [] }],
      ['[TOOL_CALLS][ARGS]{}', { text: '[TOOL_CALLS][ARGS]{}', calls: [] }],
    ],
  },
  'phi-4-mini': {
    template: '<|tool_call|>{{ calls }}<|/tool_call|>',
    open: '<|tool_call|>',
    write: (calls) => `<|tool_call|>${list(calls)}<|/tool_call|>`,
    reads: [],
  },
  'granite-3': {
    template: 'answer with <|tool_call|> and a list of calls',
    open: '<|tool_call|>',
    write: (calls) => `<|tool_call|>${list(calls)}`,
    reads: [],
  },
  nemotron: {
    template: 'answer with <TOOLCALL>[{"name": …}]</TOOLCALL>',
    open: '<TOOLCALL>',
    write: (calls) => `<TOOLCALL>${list(calls)}</TOOLCALL>`,
    reads: [],
  },
  'deepseek-r1': {
    template: "{{ '<｜tool▁call▁begin｜>' + type + '<｜tool▁sep｜>' + name + '\\n```json\\n' + args }}",
    open: '<｜tool▁calls▁begin｜>',
    write: (calls) =>
      `<｜tool▁calls▁begin｜>${calls
        .map(
          (one) =>
            `<｜tool▁call▁begin｜>function<｜tool▁sep｜>${one.name}\n\`\`\`json\n${one.arguments}\n\`\`\`<｜tool▁call▁end｜>`,
        )
        .join('\n')}<｜tool▁calls▁end｜>`,
    reads: [],
  },
  'deepseek-v3.1': {
    template: "{{ '<｜tool▁call▁begin｜>' + name + '<｜tool▁sep｜>' + args }}",
    open: '<｜tool▁calls▁begin｜>',
    write: (calls) =>
      `<｜tool▁calls▁begin｜>${calls
        .map((one) => `<｜tool▁call▁begin｜>${one.name}<｜tool▁sep｜>${one.arguments}<｜tool▁call▁end｜>`)
        .join('')}<｜tool▁calls▁end｜>`,
    reads: [
      ['<｜tool▁calls▁begin｜>oh', { text: '<｜tool▁calls▁begin｜>oh', calls: [] }],
      ['<｜tool▁calls▁begin｜><｜tool▁calls▁end｜>', { text: '<｜tool▁calls▁begin｜><｜tool▁calls▁end｜>', calls: [] }],
    ],
  },
  'llama-3': {
    template: '<|python_tag|> or {"name": function name, "parameters": its arguments}',
    open: '<|python_tag|>',
    write: ([one]) => `{"name": "${one?.name ?? ''}", "parameters": ${one?.arguments ?? ''}}`,
    reads: [
      ['<|python_tag|>{"name": "f", "parameters": {"a": 1}}', { text: '', calls: [call('f', '{"a": 1}')] }],
      ['\n {"type": "function", "name": "g", "parameters": {}}', { text: '', calls: [call('g')] }],
      [
        '{"name": "f", "parameters": {}}; {"name": "g", "parameters": {"b": 2}}',
        { text: '', calls: [call('f'), call('g', '{"b": 2}')] },
      ],
      ['{"name": "h", "parameters": {}} is no tool', { text: '{"name": "h", "parameters": {}} is no tool', calls: [] }],
      ['{"city": "Paris"}', { text: '{"city": "Paris"}', calls: [] }],
      ['Sure.<|python_tag|>{"name": "f", "parameters": {}}', { text: 'Sure.', calls: [call('f')] }],
      ['<|python_tag|>print(1)', { text: '<|python_tag|>print(1)', calls: [] }],
      ['a {"name": "f", "parameters": {}}', { text: 'a {"name": "f", "parameters": {}}', calls: [] }],
    ],
  },
};

let checker: GrammarChecker;
beforeAll(async () => {
  checker = await grammarChecker();
});
afterAll(() => checker[Symbol.asyncDispose]());

describe.each(Object.entries(FAMILIES))('%s', (name, { template, write, open, reads }) => {
  const format = formatFor(template);
  const one = [call('f', hard)];
  const two = [call('f', hard), call('g')];
  const parallel = name !== 'llama-3';

  test('is found from the template', () => {
    expect(format.name).toBe(name);
    expect(format.markers.every((marker) => marker.length > 3)).toBe(true);
  });

  test('is read whatever pieces it comes in', () => {
    const cases: (readonly [string, Parsed])[] = [
      [write(one), { text: '', calls: one }],
      ['Just text, 1 < 2 [x] <|', { text: 'Just text, 1 < 2 [x] <|', calls: [] }],
      ...(parallel ? [[write(two), { text: '', calls: two }] as const] : []),
      ...(parallel ? [[`Wait.\n${write(one)}\n`, { text: 'Wait.', calls: one }] as const] : []),
      ...reads,
    ];
    for (const [text, expected] of cases) {
      for (let size = 1; size <= text.length; size++) expect(parse(format, text, size)).toEqual(expected);
    }
  });

  test('is read the same in any pieces, whatever the model writes', () => {
    const random = randomNumbers(7);
    const fragments = [
      open,
      ...format.markers,
      ...write(two).split(/(?<=[\]>}:,])/),
      '{',
      '}',
      '[',
      ']',
      ',',
      '"',
      ' ',
      '\n',
      'x',
    ];
    for (let i = 0; i < 150; i++) {
      const pick = (): string => fragments[Math.floor(random() * fragments.length)] ?? '';
      const text = Array.from({ length: 1 + Math.floor(random() * 12) }, pick).join('');
      const whole = parse(format, text, text.length);
      for (const size of [1, 2, 3, 7])
        expect({ raw: text, ...parse(format, text, size) }).toEqual({ raw: text, ...whole });
    }
  });

  test('an answer that is cut has what was written until then', () => {
    const full = write(parallel ? two : one);
    for (let length = 0; length < full.length; length++) {
      const { calls } = parse(format, full.slice(0, length), 1);
      for (const [i, cut] of calls.entries()) {
        const wanted = (parallel ? two : one)[i];
        expect(cut.name).toBe(wanted?.name);
        expect(wanted?.arguments.startsWith(cut.arguments)).toBe(true);
      }
    }
  });

  test('arguments go out while they are written', () => {
    const parser = format.parser([{ name: 'f' }]);
    const pieces = Array.from(write([call('f', '{"city": "Paris"}')]), (character) => parser.push(character)).flat();
    expect(pieces.filter((piece) => piece.type === 'arguments').length).toBeGreaterThan(10);
  });

  test('its grammar holds calls to the tools', () => {
    const rules = new GrammarRules();
    const tools = ['f', 'g'].map((tool) => ({ name: tool, arguments: anyObject(rules) }));
    const required = rules.text(format.callRule(rules, tools, true));
    const single = rules.text(format.callRule(rules, tools, false));
    const free = rules.text(format.textOrCalls(rules, tools, true));
    const bad = [write([call('h')]), write([call('f', '[]')]), open, `${open} no`];
    const allows = (grammar: string, texts: readonly string[]): string[] =>
      texts.filter((text) => checker.matches(grammar, text));
    const good = [write(one), ...(parallel ? [write(two)] : [])];
    expect(allows(required, good)).toEqual(good);
    expect(allows(required, [...bad, '', 'text', `${write(one)} text`])).toEqual([]);
    expect(allows(single, [write(one)])).toEqual([write(one)]);
    if (parallel) expect(allows(single, [write(two)])).toEqual([]);
    const talk = ['', 'text', 'a < b [TOOL <｜tool', open.slice(0, -1), '1 } {'];
    expect(allows(free, [...good, ...talk])).toEqual([...good, ...talk]);
    expect(allows(free, bad)).toEqual([]);
    if (parallel) expect(allows(free, [`Wait.\n${write(two)}`])).toHaveLength(1);
  });
});

test('a text that begins with a brace is a call in Llama 3, in any other place it is not', () => {
  const rules = new GrammarRules();
  const format = formatFor(FAMILIES['llama-3']?.template ?? '');
  const free = rules.text(format.textOrCalls(rules, [{ name: 'f', arguments: anyObject(rules) }], true));
  expect(checker.matches(free, '{"a": 1}')).toBe(false);
  expect(checker.matches(free, ' \n{"name": "f", "parameters": {}}')).toBe(true);
  expect(checker.matches(free, 'See {"a": 1}')).toBe(true);
  expect(checker.matches(free, 'See <|python_tag|>{"name": "f", "parameters": {}}')).toBe(true);
  expect(checker.matches(free, 'See <|python_tag|>x')).toBe(false);
});

test('a template that takes ids of nine characters gets them, the same for call and result', () => {
  const source =
    "{% for m in messages %}{% if m.role == 'tool' %}[TOOL_RESULTS]{{ m.tool_call_id }}{% elif m.tool_calls %}" +
    "{% if m.tool_calls[0].id | length != 9 %}{{ raise_exception('nine!') }}{% endif %}[TOOL_CALLS]{{ m.tool_calls[0].id }}" +
    '{% endif %}{% endfor %}';
  const format = formatFor(source);
  const template = new ChatTemplate(source, undefined, { beginning: '', end: '' }, format.templateCallId);
  const shown = (id: string): string =>
    template.render(
      'm',
      {
        type: 'chat',
        messages: [
          { role: 'assistant', content: [], toolCalls: [{ id, name: 'f', arguments: '{}' }] },
          { role: 'tool', content: [], toolCallId: id },
        ],
      },
      [],
    );
  expect(shown('a1B2c3D4e')).toBe('[TOOL_CALLS]a1B2c3D4e[TOOL_RESULTS]a1B2c3D4e');
  const other = shown('call_0123456789abcdef01234567');
  expect(other).toMatch(/^\[TOOL_CALLS\]([0-9a-f]{9})\[TOOL_RESULTS\]\1$/);
  expect(shown('call_x')).not.toBe(other);
});

test('what nobody speaks is no format', () => {
  expect(toolCallFormatOf('{{ messages }} "parameters": {}')).toBeUndefined();
  expect(toolCallFormatOf('<tool_call>{name}<arg_key>a</arg_key></tool_call>')).toBeUndefined();
});
