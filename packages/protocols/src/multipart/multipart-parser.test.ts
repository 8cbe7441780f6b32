import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { boundaryOf, MultipartParser } from './multipart-parser.ts';
import type { PartHead } from './part-head.ts';

interface Part {
  readonly head: PartHead;
  readonly content: string;
}

/** The parts of a form that comes in pieces. */
const read = (pieces: readonly Uint8Array[], boundary = 'b'): Part[] => {
  const parser = new MultipartParser(boundary);
  const parts: { head: PartHead; content: Buffer[]; ended: boolean }[] = [];
  for (const event of pieces.flatMap((piece) => parser.push(piece))) {
    if (event.type === 'part') parts.push({ head: event.head, content: [], ended: false });
    const part = parts.at(-1);
    if (event.type === 'bytes') part?.content.push(Buffer.from(event.bytes));
    if (event.type === 'end' && part) part.ended = true;
  }
  parser.finish();
  expect(parts.every(({ ended }) => ended)).toBe(true);
  return parts.map(({ head, content }) => ({ head, content: Buffer.concat(content).toString('latin1') }));
};

const cutAt = (bytes: Buffer, cuts: readonly number[]): Buffer[] => {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return places.slice(1).map((end, index) => bytes.subarray(places[index], end));
};

const form = (...parts: readonly string[]): Buffer =>
  Buffer.from(`--b\r\n${parts.join('\r\n--b\r\n')}\r\n--b--\r\n`, 'latin1');
const part = (disposition: string, content: string): string => `content-disposition: ${disposition}\r\n\r\n${content}`;

test('what fetch sends is read back, wherever it is cut', async () => {
  const content = '\r\n--\0\xff--b\r\n-\r';
  const data = new FormData();
  data.set('file', new File([Buffer.from(content, 'latin1')], 'a "b" ü.png', { type: 'image/png' }));
  data.set('purpose', 'vision');
  data.set('empty', '');
  const request = new Request('http://localhost', { method: 'POST', body: data });
  const boundary = boundaryOf(request.headers.get('content-type') ?? undefined);
  const bytes = Buffer.from(await request.arrayBuffer());
  const expected = [
    { head: { name: 'file', filename: 'a "b" ü.png', mediaType: 'image/png' }, content },
    { head: { name: 'purpose' }, content: 'vision' },
    { head: { name: 'empty' }, content: '' },
  ];
  for (let cut = 0; cut <= bytes.length; cut += 1) expect(read(cutAt(bytes, [cut]), boundary)).toEqual(expected);
  expect(
    read(
      [...bytes].map((byte) => Uint8Array.of(byte)),
      boundary,
    ),
  ).toEqual(expected);
});

test('any content, of any parts, in any pieces', () => {
  // Pieces of what ends a part, so that near misses are common.
  const piece = fc.constantFrom('\r', '\n', '-', '--', '\r\n--', '\r\n--a', 'b', '\0', '\xff', 'x');
  const content = fc.array(piece, { maxLength: 20 }).map((pieces) => pieces.join(''));
  fc.assert(
    fc.property(
      fc.array(content, { minLength: 1, maxLength: 5 }),
      fc.array(fc.nat(), { maxLength: 12 }),
      (all, cuts) => {
        const wanted = all.filter((one) => !one.includes('\r\n--b'));
        fc.pre(wanted.length > 0);
        const bytes = form(...wanted.map((one, index) => part(`form-data; name="n${index}"`, one)));
        expect(read(cutAt(bytes, cuts))).toEqual(
          wanted.map((one, index) => ({ head: { name: `n${index}` }, content: one })),
        );
      },
    ),
    { numRuns: 300 },
  );
});

test('holds no more than a boundary of a long part', () => {
  const parser = new MultipartParser('b');
  parser.push(Buffer.from(`--b\r\n${part('form-data; name="n"', '')}`));
  let given = 0;
  for (let index = 0; index < 100; index += 1) {
    for (const event of parser.push(Buffer.alloc(1000, 'x'))) if (event.type === 'bytes') given += event.bytes.length;
  }
  expect(given).toBeGreaterThan(100_000 - 10);
});

describe('names', () => {
  test.each([
    ['form-data; name="file"; filename="a.png"', { name: 'file', filename: 'a.png' }],
    ['form-data; name=file; filename=a.png', { name: 'file', filename: 'a.png' }],
    ['Form-Data; Name="file"; FileName="../../etc/passwd"', { name: 'file', filename: 'passwd' }],
    ['form-data; name="file"; filename="C:\\dir\\a.png"', { name: 'file', filename: 'a.png' }],
    ['form-data; name="file"; filename="a\\"b%22c%0D%0A\u0001.png"', { name: 'file', filename: 'a"b"c.png' }],
    ['form-data; name="file"; filename="x"; filename*=UTF-8\'\'%C3%BC.png', { name: 'file', filename: 'ü.png' }],
    ['form-data; name="file"; filename=""', { name: 'file', filename: '' }],
  ])('%s', (disposition, head) => {
    expect(read([form(part(disposition, 'x'))])).toEqual([{ head, content: 'x' }]);
  });
});

describe('a form that is malformed', () => {
  test.each([
    ['nothing', '', 'ends before its last boundary'],
    ['another boundary', '--c\r\n', 'does not begin with the boundary'],
    ['text before the first part', 'hello\r\n--b\r\n', 'does not begin with the boundary'],
    ['cut in a header', '--b\r\ncontent-dis', 'ends before its last boundary'],
    ['cut in a part', `--b\r\n${part('form-data; name="n"', 'xx')}`, 'ends before its last boundary'],
    ['no last boundary', `--b\r\n${part('form-data; name="n"', 'xx')}\r\n--b\r\n`, 'ends before its last boundary'],
    ['a boundary that goes on', '--bc\r\n', 'followed by something else'],
    ['text after it', `${form(part('form-data; name="n"', 'x')).toString()}more`, 'more after its last part'],
    ['a line that is no header', '--b\r\nhello\r\n\r\n', "the line 'hello'"],
    ['no disposition', '--b\r\ncontent-type: a/b\r\n\r\n', "content-disposition ''"],
    ['another disposition', '--b\r\ncontent-disposition: attachment; name="n"\r\n\r\n', 'expected form-data'],
    ['no name', `--b\r\n${part('form-data; filename="x"', '')}`, 'no name'],
    ['base64', `--b\r\ncontent-transfer-encoding: base64\r\n${part('form-data; name="n"', '')}`, 'bytes as they are'],
    ['a name in Latin-1', `--b\r\n${part("form-data; name=n; filename*=iso-8859-1''%FC", '')}`, 'in UTF-8'],
    ['a name that is not UTF-8', `--b\r\n${part("form-data; name=n; filename*=UTF-8''%FC", '')}`, 'is not UTF-8'],
    ['a long header', `--b\r\nx: ${'y'.repeat(9000)}`, 'more than 8192 bytes'],
    ['a long whole header', `--b\r\nx: ${'y'.repeat(9000)}\r\n\r\n`, 'more than 8192 bytes'],
    [
      'many parts',
      form(...Array.from({ length: 33 }, () => part('form-data; name="n"', ''))).toString(),
      'more than 32 parts',
    ],
  ])('%s', (_name, text, message) => {
    expect(() => read([Buffer.from(text, 'latin1')])).toThrow(message);
  });
});

test('boundaries', () => {
  expect(boundaryOf('multipart/form-data; boundary=abc')).toBe('abc');
  expect(boundaryOf('Multipart/Form-Data; charset=utf-8; boundary="a b"')).toBe('a b');
  for (const type of [undefined, 'application/json', 'multipart/form-data', 'multipart/mixed; boundary=a']) {
    expect(() => boundaryOf(type)).toThrow('send a form as multipart/form-data');
  }
});
