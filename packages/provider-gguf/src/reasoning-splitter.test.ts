import { describe, expect, test } from 'vitest';
import { reasoningFormatOf, reasoningStart } from './reasoning-formats.ts';
import { ReasoningSplitter } from './reasoning-splitter.ts';

const think = { open: '<think>', close: '</think>' };

const split = (text: string, opened: boolean, size: number): { reasoning: string; answer: string } => {
  const splitter = new ReasoningSplitter(think, opened);
  const all = { reasoning: '', answer: '' };
  const take = ({ reasoning, answer }: { reasoning: string; answer: string }): void => {
    // Nothing of the reasoning comes after the answer has begun.
    if (reasoning !== '') expect(all.answer).toBe('');
    all.reasoning += reasoning;
    all.answer += answer;
  };
  for (let i = 0; i < text.length; i += size) take(splitter.push(text.slice(i, i + size)));
  take(splitter.end());
  return all;
};

test.each<[string, string, boolean, string, string]>([
  ['no reasoning', '  Hello < <thin> world', false, '', '  Hello < <thin> world'],
  ['reasoning and answer', '<think>\nHm, 2 < 3.\n\n</think>\n\nYes.\n', false, 'Hm, 2 < 3.', 'Yes.\n'],
  ['white space first', '\n <think>a</think>b', false, 'a', 'b'],
  ['empty reasoning', '<think>\n\n</think>\n\nHi', false, '', 'Hi'],
  ['opened by the prompt', '\nHm.\n</think>\nYes.', true, 'Hm.', 'Yes.'],
  ['opened by the prompt and said again', '<think>\nHm.</think>Yes.', true, 'Hm.', 'Yes.'],
  ['cut in the reasoning', '<think> one </thi', false, 'one </thi', ''],
  ['cut in the opened reasoning', 'one\n\n', true, 'one', ''],
  ['cut in the marker', '<thi', false, '', '<thi'],
  ['no text at all', '', true, '', ''],
  ['markers in the answer', 'A <think>b</think> c', false, '', 'A <think>b</think> c'],
  ['a second pair', '<think>a</think>b<think>c</think>', false, 'a', 'b<think>c</think>'],
  ['nested looks', '<think>a <think> b </ think> </think>c', false, 'a <think> b </ think>', 'c'],
  ['paragraphs in the reasoning', '<think>a\n\nb\n\n  c </think>d', false, 'a\n\nb\n\n  c', 'd'],
])('%s, in pieces of any size', (_what, text, opened, reasoning, answer) => {
  for (let size = 1; size <= Math.max(1, text.length); size++) {
    expect(split(text, opened, size)).toEqual({ reasoning, answer });
  }
});

test('reasoning goes out while it is written', () => {
  const splitter = new ReasoningSplitter(think, true);
  const pieces = Array.from('one two three</think>', (character) => splitter.push(character).reasoning);
  expect(pieces.filter((piece) => piece !== '').length).toBeGreaterThan(8);
  expect(splitter.place).toBe('gap');
});

describe('formats', () => {
  test('are found in the template', () => {
    expect(reasoningFormatOf("{{ content.split('</think>')[-1] }}")).toEqual(think);
    expect(reasoningFormatOf('[THINK]{{ x }}[/THINK]')?.close).toBe('[/THINK]');
    expect(reasoningFormatOf('{{ messages }} think')).toBeUndefined();
  });

  test('the end of the prompt says how the answer begins', () => {
    expect(reasoningStart(think, 'assistant\n<think>\n', undefined)).toBe('opened');
    expect(reasoningStart(think, 'assistant\n<think>\n\n</think>\n\n', undefined)).toBe('closed');
    expect(reasoningStart(think, 'user says <think>\nassistant\n', undefined)).toBe('free');
    expect(reasoningStart(think, 'assistant\n', false)).toBe('closed');
    expect(reasoningStart(think, 'assistant\n<think>', false)).toBe('opened');
  });
});
