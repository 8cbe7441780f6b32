import { expect, test } from 'vitest';
import { answerLine, ChatStats, tokensPerSecond } from './chat-stats.ts';

const stats = (promptTokens: number, completionTokens: number, restMs: number) => ({
  usage: { promptTokens, completionTokens },
  firstMs: 30,
  restMs,
});

test('the speed counts the tokens after the first one', () => {
  expect(tokensPerSecond(stats(10, 21, 100))).toBe(200);
  expect(tokensPerSecond(stats(10, 1, 100))).toBeUndefined();
  expect(answerLine(stats(10, 21, 100))).toBe('21 tokens, 200 tokens/s, first after 0.03 s');
  expect(answerLine(stats(10, 1, 0))).toBe('1 tokens, first after 0.03 s');
  expect(answerLine(stats(10, 2, 400))).toBe('2 tokens, 2.5 tokens/s, first after 0.03 s');
});

test('sums over a conversation', () => {
  const all = new ChatStats();
  expect(all.text(1024)).toBe('no answers yet');
  all.add(stats(10, 21, 100));
  all.add(stats(40, 11, 100));
  expect(all.text(1024)).toBe(
    '2 answers, 32 tokens generated, 150 tokens/s on average, conversation: 51 of 1024 tokens',
  );
  all.reset();
  expect(all.text(undefined)).toBe('no answers yet');
});
