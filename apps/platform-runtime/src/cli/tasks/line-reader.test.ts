import { expect, test } from 'vitest';
import { readLines } from './line-reader.ts';

const linesOf = async (...chunks: (string | Uint8Array)[]) => {
  const stream = async function* () {
    for (const chunk of chunks) yield Buffer.from(chunk as Uint8Array);
  };
  return (await Array.fromAsync(readLines(stream()))).map(({ number, text, bytes }) => [number, text, bytes]);
};

test('lines are whole wherever the chunks end', async () => {
  const expected = [
    [1, 'ä', 3],
    [2, '', 4],
    [3, 'bc', 8],
    [4, 'd', 9],
  ];
  const bytes = Buffer.from('ä\n\nbc\r\nd');
  expect(await linesOf(bytes)).toEqual(expected);
  expect(await linesOf(...Array.from(bytes, (byte) => Uint8Array.of(byte)))).toEqual(expected);
  expect(await linesOf(bytes.subarray(0, 7), Buffer.from('\nd'))).toEqual(expected);
});

test('a mark at the start is no text, an end at the end no line, and other bytes than UTF-8 are told', async () => {
  expect(await linesOf('\uFEFFa\n')).toEqual([[1, 'a', 5]]);
  expect(await linesOf('')).toEqual([]);
  expect(await linesOf(Uint8Array.of(0xff, 0x0a))).toEqual([[1, undefined, 2]]);
});

test('a line without an end is refused before it fills the memory', async () => {
  const megabyte = new Uint8Array(1024 * 1024).fill(97);
  await expect(linesOf('a\n', ...Array<Uint8Array>(65).fill(megabyte))).rejects.toMatchObject({
    code: 'invalid_request',
    message: expect.stringContaining('line 2 is longer than 67108864 bytes'),
  });
});
