import { serialize } from 'node:v8';
import { describe, expect, it } from 'vitest';
import { encodeFrame, FrameReader } from './frames.ts';

const MAX = 10_000;
const read = (...chunks: readonly Buffer[]): unknown[] => {
  const reader = new FrameReader(MAX);
  return chunks.flatMap((chunk) => [...reader.push(chunk)].map(({ message }) => message));
};
const frameOf = (body: Buffer): Buffer => {
  const header = Buffer.alloc(4);
  header.writeUInt32BE(body.length);
  return Buffer.concat([header, body]);
};

describe('frames', () => {
  it('come back however they are cut', () => {
    const messages = [{ a: 1 }, [new Float32Array([1, 2])], 'text', { nested: { list: [1, { x: undefined }] } }];
    const bytes = Buffer.concat(messages.map((message) => encodeFrame(message, MAX)));
    for (const size of [1, 2, 3, 7, 64, bytes.length]) {
      const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
        bytes.subarray(i * size, (i + 1) * size),
      );
      expect(read(...chunks)).toEqual(messages);
    }
  });

  it('are refused where they are too large, before they are held', () => {
    expect(() => encodeFrame('x'.repeat(MAX), MAX)).toThrow(expect.objectContaining({ code: 'request_too_large' }));
    expect(() => read(Buffer.from([0xff, 0, 0, 0]))).toThrow('a message of 4278190080 bytes');
  });

  it('are plain data: no functions, maps, dates or errors', () => {
    expect(() => encodeFrame({ f: () => 1 }, MAX)).toThrow(expect.objectContaining({ code: 'plugin_failed' }));
    for (const value of [new Map(), new Date(), new Error('x'), [new Set([1])], { at: /x/ }]) {
      expect(() => read(frameOf(serialize(value)))).toThrow(/a message with a/);
    }
  });

  it('hold no more than they say: neither shared objects nor sparse lists nor circles', () => {
    let doubled: unknown = {};
    for (let i = 0; i < 60; i++) doubled = [doubled, doubled];
    expect(() => read(frameOf(serialize(doubled)))).toThrow('holds one object several times');
    const circle: unknown[] = [];
    circle.push(circle);
    expect(() => read(frameOf(serialize(circle)))).toThrow('holds one object several times');
    const sparse: unknown[] = [];
    sparse.length = 4_000_000_000;
    expect(() => read(frameOf(serialize(sparse)))).toThrow('sparse');
  });
});
