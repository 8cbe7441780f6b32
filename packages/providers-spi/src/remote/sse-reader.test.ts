import { describe, expect, it } from 'vitest';
import { MalformedStream } from './line-reader.ts';
import { SseReader } from './sse-reader.ts';

const read = (packets: readonly (string | Uint8Array)[], limit = 1024): string[] => {
  const reader = new SseReader(limit);
  const found: string[] = [];
  for (const packet of packets) {
    reader.push(Buffer.from(packet as Uint8Array));
    for (let data = reader.next(); data !== undefined; data = reader.next()) found.push(data);
  }
  const last = reader.end();
  return last === undefined ? found : [...found, last];
};

const STREAM =
  ': hello\r\nevent: message\r\ndata: één\r\n\r\nid: 1\ndata:two\ndata: lines\n\nretry: 5\n\ndata\ndata: 🎈\n\ndata: [DONE]';
const EVENTS = ['één', 'two\nlines', '🎈', '[DONE]'];

describe('the reader of event streams', () => {
  it('reads the same however the bytes are cut', () => {
    const bytes = Buffer.from(STREAM);
    expect(read([bytes])).toEqual(EVENTS);
    for (let size = 1; size < bytes.length; size++) {
      const packets = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
        bytes.subarray(index * size, (index + 1) * size),
      );
      expect(read(packets), `packets of ${size} bytes`).toEqual(EVENTS);
    }
  });

  it('gives what it was given without an empty line at the end, and nothing of nothing', () => {
    expect(read(['data: a\n\n', 'data: b\n'])).toEqual(['a', 'b']);
    expect(read([])).toEqual([]);
    expect(read(['\n\n', ': only a comment\n'])).toEqual([]);
  });

  it('is bounded in one line, in lines over packets, and in one event of many lines', () => {
    expect(() => read([`data: ${'x'.repeat(2000)}\n\n`])).toThrow(MalformedStream);
    expect(() => read(Array.from({ length: 20 }, () => 'x'.repeat(100)))).toThrow(
      'longer than the limit of 1024 bytes',
    );
    expect(() => read([`data: ${'x'.repeat(90)}\n`.repeat(20)])).toThrow(MalformedStream);
  });

  it('refuses lines that are no field of an event', () => {
    for (const line of ['<html>', '{"error":{}}', 'datum: x', 'garbage']) {
      expect(() => read([`data: a\n\n${line}\n\n`]), line).toThrow('no field of an event');
    }
  });

  it('takes a megabyte byte by byte in linear time', () => {
    const reader = new SseReader(2 ** 21);
    const byte = Buffer.from('x');
    reader.push(Buffer.from('data: '));
    reader.next();
    for (let index = 0; index < 2 ** 20; index++) {
      reader.push(byte);
      reader.next();
    }
    expect(reader.end()).toHaveLength(2 ** 20);
  });
});
