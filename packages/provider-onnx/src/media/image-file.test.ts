import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { GolekError } from '@golek/providers-spi';
import { failure } from '../test-session.fixture.ts';
import { decodeImage } from './image-file.ts';
import type { Picture } from './picture.ts';
import { drawn, gradient, noise } from './pictures.fixture.ts';

const PIXELS = 1_000_000;
const read = (bytes: Uint8Array): Promise<Picture> => decodeImage(bytes, 'inputs[0]', PIXELS);

test('PNG of every kind is read exactly', async () => {
  const colours = noise(31, 17, 3);
  const grey = noise(31, 17, 1);
  const spread = Uint8Array.from({ length: 3 * grey.data.length }, (_, i) => grey.data[Math.floor(i / 3)] ?? 0);
  expect(await read(await drawn(colours).png().toBuffer())).toEqual({ ...colours, data: Buffer.from(colours.data) });
  expect(await read(await drawn(colours).png({ progressive: true }).toBuffer())).toMatchObject({ width: 31 });
  expect(await read(await drawn(colours).ensureAlpha(0).png().toBuffer())).toMatchObject({
    channels: 3,
    data: Buffer.from(colours.data),
  });
  expect((await read(await drawn(grey).toColourspace('b-w').png().toBuffer())).data).toEqual(Buffer.from(spread));
  const deep = await drawn(colours).toColourspace('rgb16').png().toBuffer();
  expect(deep[24]).toBe(16);
  expect((await read(deep)).data).toEqual(Buffer.from(colours.data));
  const few: Picture = { width: 2, height: 1, channels: 3, data: Uint8Array.of(9, 8, 7, 255, 0, 1) };
  const palette = await drawn(few).png({ palette: true }).toBuffer();
  expect(palette[25]).toBe(3);
  expect((await read(palette)).data).toEqual(Buffer.from(few.data));
});

test.each(['jpeg', 'webp', 'gif'] as const)('%s', async (format) => {
  const picture = gradient(64, 48);
  const { width, height, data } = await read(await drawn(picture).toFormat(format, { quality: 95 }).toBuffer());
  expect([width, height]).toEqual([64, 48]);
  const error = data.reduce((sum, value, i) => sum + Math.abs(value - (picture.data[i] ?? 0)), 0) / data.length;
  expect(error).toBeLessThan(5);
});

test('a picture is turned as its EXIF orientation says', async () => {
  const picture = gradient(64, 48);
  const turned = await read(await drawn(picture).jpeg({ quality: 95 }).withMetadata({ orientation: 6 }).toBuffer());
  expect([turned.width, turned.height]).toEqual([48, 64]);
  // What was at the bottom left is at the top left.
  expect(turned.data[1]).toBeGreaterThan(240);
  expect(turned.data[0]).toBeLessThan(15);
});

const chunk = (type: string, content: Uint8Array): Buffer => {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(content.length);
  head.write(type, 4, 'latin1');
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(Buffer.concat([head.subarray(4), content])));
  return Buffer.concat([head, content, check]);
};

const crc32 = (bytes: Uint8Array): number => {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
};

const hugePng = (width: number, height: number): Buffer => {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width);
  header.writeUInt32BE(height, 4);
  header.set([8, 2], 8);
  const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(new Uint8Array(1000))),
    chunk('IEND', new Uint8Array()),
  ]);
};

test('more pixels than allowed are refused before they are decoded', async () => {
  for (const [width, height] of [
    [100_000, 100_000],
    [1, 1_000_001],
    [1001, 1000],
  ] as const) {
    const error = await failure(read(hugePng(width, height)), 'invalid_request');
    expect(error.message).toContain(`${width} × ${height} pixels`);
    expect(error.message).toContain("option 'maxImagePixels'");
    expect(error.details).toMatchObject({ field: 'inputs[0]' });
  }
});

test.each([
  ['BMP', Buffer.from('BM......................')],
  ['TIFF', Buffer.from('II*\0....................')],
  ['PDF', Buffer.from('%PDF-1.7')],
  ['SVG or XML', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')],
  ['WAV', Buffer.from('RIFF....WAVEfmt ')],
  ['no picture', Buffer.from('hello')],
  ['no picture', Buffer.alloc(0)],
])('%s is refused by name', async (name, bytes) => {
  const error = await failure(read(bytes), 'invalid_request');
  expect(error.message).toContain(name);
  expect(error.message).toContain('PNG, JPEG, WebP and GIF are read');
});

test.each(['png', 'jpeg', 'webp', 'gif'] as const)('a %s file that is cut short is refused', async (format) => {
  const bytes = await drawn(noise(64, 48, 3))
    .toFormat(format)
    .toBuffer();
  for (const part of [0.05, 0.3, 0.7]) {
    const error = await failure(read(bytes.subarray(0, bytes.length * part)), 'invalid_request');
    expect(error.message).toContain('cut short or damaged');
  }
});

test('damaged files are read or refused, and nothing else', async () => {
  const files = await Promise.all(
    (['png', 'jpeg', 'webp', 'gif'] as const).map((format) =>
      drawn(noise(16, 16, 3))
        .toFormat(format)
        .toBuffer(),
    ),
  );
  const damage = fc.array(fc.tuple(fc.nat(2_000), fc.nat(255)), { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...files), damage, async (file, changes) => {
      const bytes = Buffer.from(file);
      for (const [at, value] of changes) bytes[at % bytes.length] = value;
      const result = await read(bytes).catch((error: unknown) => error);
      if (result instanceof GolekError) expect(result.code).toBe('invalid_request');
      else expect(result).toMatchObject({ channels: 3 });
    }),
    { numRuns: 200 },
  );
});
