import { afterAll, beforeAll, expect, test } from 'vitest';
import type { GenerateRequest, OutputFormat } from '@golek/providers-spi';
import { answerGrammar } from './answer-grammar.ts';
import type { ReasoningStart } from './reasoning-formats.ts';
import { grammarChecker, type GrammarChecker } from './schema-check.fixture.ts';
import { chat, user } from './tiny-model.fixture.ts';
import { toolCallFormatOf } from './tool-calls.ts';

let checker: GrammarChecker;
beforeAll(async () => {
  checker = await grammarChecker();
});
afterAll(() => checker[Symbol.asyncDispose]());

const format = { open: '<think>', close: '</think>' };

/** Those of the texts that the grammar of the request allows. */
const allowed = (request: GenerateRequest, start: ReasoningStart, texts: readonly string[]): string[] => {
  const grammar = answerGrammar(request, toolCallFormatOf('<tool_call>{"arguments"'), { format, start });
  if (grammar === undefined) throw new Error('no grammar');
  return texts.filter((text) => checker.matches(grammar, text));
};

const outputs: readonly (readonly [string, OutputFormat, good: string, bad: string])[] = [
  ['any JSON', { type: 'json' }, '{"a": 1}', 'text'],
  [
    'a schema',
    { type: 'json-schema', schema: { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] } },
    '{"n": 5}',
    '{"n": "5"}',
  ],
  [
    'a grammar with rules named as ours',
    {
      type: 'grammar',
      grammar: '# root is here\nroot ::= r1 blanks "root" [root]\nr1 ::= "a" | "(" root ")"\nblanks ::= " "',
    },
    'a rootr',
    'b roott',
  ],
];

test.each(outputs)('%s is for the answer, the reasoning before it is free', (_name, output, good, bad) => {
  const request = chat('', { output });
  const thoughts = ['', 'Hm.', '1 < 2 </thin </ think>\n{"x": [}', 'a\n\nb <think> c'];
  const after = thoughts.map((thought) => `${thought}</think>\n\n${good}`);
  const whole = after.map((text) => `<think>${text}`);
  expect(allowed(request, 'opened', after)).toEqual(after);
  expect(allowed(request, 'opened', [good, 'Hm.', `Hm.</think>${bad}`, `Hm.</think>${good}</think>`])).toEqual([]);
  expect(allowed(request, 'free', [good, ...whole])).toEqual([good, ...whole]);
  expect(allowed(request, 'free', [bad, '<think>Hm.', `<think>Hm.</think>${bad}`, ...after])).toEqual([]);
  expect(allowed(request, 'closed', [good])).toEqual([good]);
  expect(allowed(request, 'closed', [bad, ...whole])).toEqual([]);
});

test('tools are called behind the reasoning', () => {
  const tools = [{ name: 'f' }];
  const request: GenerateRequest = { ...chat(''), input: { type: 'chat', messages: [user('')], tools } };
  const required: GenerateRequest = {
    ...request,
    input: { type: 'chat', messages: [user('')], tools, toolChoice: { type: 'required' } },
  };
  const call = '<tool_call>\n{"name": "f", "arguments": {}}\n</tool_call>';
  const thought = 'I need <tool_call>.</think>\n';
  expect(allowed(request, 'opened', [`${thought}Hi`, thought + call])).toHaveLength(2);
  expect(allowed(request, 'opened', [call, `${thought}<tool_call>x`])).toEqual([]);
  expect(allowed(request, 'free', ['Hi', call, `<think>${thought}${call}`])).toHaveLength(3);
  expect(allowed(required, 'free', [call, `<think>${thought}${call}`])).toHaveLength(2);
  expect(allowed(required, 'free', ['Hi', `<think>${thought}Hi`])).toEqual([]);
});
