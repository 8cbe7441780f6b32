import { expect, test } from 'vitest';
import { StopStrings } from './stop-strings.ts';

/** Pushes pieces one by one; gives the text that went out and the stop string. */
const cut = (stops: string[], pieces: string[]): { text: string; stop?: string } => {
  const matcher = new StopStrings(stops);
  let text = '';
  for (const piece of pieces) {
    const step = matcher.push(piece);
    text += step.text;
    if (step.stop !== undefined) return { text, stop: step.stop };
  }
  return { text: text + matcher.end() };
};

test.each<[string[], string, { text: string; stop?: string }]>([
  [['END'], 'one END two', { text: 'one ', stop: 'END' }],
  [['END'], 'one EN two', { text: 'one EN two' }],
  [['aab'], 'aaab', { text: 'a', stop: 'aab' }],
  [['abab', 'ba'], 'xabab', { text: 'xa', stop: 'ba' }],
  [['\n\n', '\n'], 'a\n\nb', { text: 'a', stop: '\n' }],
  [['b', 'aab'], 'xaab', { text: 'x', stop: 'aab' }],
  [['###'], 'ends with ##', { text: 'ends with ##' }],
  [['ü🎉'], 'aü🎉b', { text: 'a', stop: 'ü🎉' }],
  [[], 'anything', { text: 'anything' }],
])('%j in %j, in pieces of any size', (stops, text, expected) => {
  for (let size = 1; size <= text.length; size++) {
    const pieces = text.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [];
    const got = cut(stops, pieces);
    expect(got).toEqual(expected);
  }
});

test('what cannot be the start of a stop string goes out at once', () => {
  const matcher = new StopStrings(['STOP']);
  expect(matcher.push('hello S')).toEqual({ text: 'hello ' });
  expect(matcher.push('T')).toEqual({ text: '' });
  expect(matcher.push('ART')).toEqual({ text: 'START' });
});
