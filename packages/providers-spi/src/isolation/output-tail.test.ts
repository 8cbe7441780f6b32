import { describe, expect, it } from 'vitest';
import { OutputTail } from './output-tail.ts';

const given = (...chunks: (string | Buffer)[]): readonly string[] => {
  const tail = new OutputTail();
  for (const chunk of chunks) tail.push(Buffer.from(chunk));
  return tail.lines();
};

describe('OutputTail', () => {
  it('puts lines together from pieces, also within a character, and shows an unfinished one', () => {
    const text = Buffer.from('gelöscht\r\n\nz');
    expect(given(text.subarray(0, 4), text.subarray(4), 'wei')).toEqual(['gelöscht', 'zwei']);
  });

  it('keeps 20 lines of 500 characters', () => {
    expect(given(...Array.from({ length: 1_000 }, (_, i) => `${i}\n`))).toEqual(
      Array.from({ length: 20 }, (_, i) => `${980 + i}`),
    );
    const long = given(...Array.from({ length: 1_000 }, () => 'x'.repeat(1_000)), '\nlast');
    expect(long.map((line) => line.length)).toEqual([500, 4]);
    expect(given(`${'x'.repeat(1_000_000)}\nlast`)).toHaveLength(2);
  });
});
