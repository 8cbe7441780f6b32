import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GolekError } from '@golek/providers-spi';
import { failure } from '../test-session.fixture.ts';
import { readWav, type Sound } from './wav-file.ts';
import { wavFile } from './wav.fixture.ts';

const read = (bytes: Uint8Array, maxSeconds = 60): Sound => readWav(bytes, 'inputs[0]', maxSeconds);
const WAVE = [0, 0.5, -0.5, 1, -1, 0.25];

describe.each(['u8', 's16', 's24', 's32', 'f32', 'f64'] as const)('%s', (encoding) => {
  test.each([false, true])('is read, extensible %s', (extensible) => {
    const { rate, samples } = read(wavFile([WAVE], { encoding, rate: 8_000, extensible, extra: extensible }));
    expect(rate).toBe(8_000);
    expect(samples).toHaveLength(WAVE.length);
    WAVE.forEach((sample, i) => expect(samples[i]).toBeCloseTo(sample, encoding === 'u8' ? 1 : 4));
  });
});

test('channels become their mean', () => {
  const { samples } = read(wavFile([WAVE, WAVE.map((sample) => -sample), WAVE], { encoding: 'f32' }));
  WAVE.forEach((sample, i) => expect(samples[i]).toBeCloseTo(sample / 3, 6));
});

test('a file whose writer did not know its length is read to its end', () => {
  const file = wavFile([WAVE]);
  for (const length of [0, 0xffffffff]) {
    file.writeUInt32LE(length, 40);
    expect(read(file).samples).toHaveLength(WAVE.length);
  }
});

const changed = (change: (file: Buffer) => unknown): Buffer => {
  const file = wavFile([WAVE]);
  change(file);
  return file;
};

test.each<[string, Buffer]>([
  ['cut short: it says 12 bytes of samples, and 10 are there', wavFile([WAVE]).subarray(0, -2)],
  ['without samples', wavFile([WAVE]).subarray(0, 36)],
  ['without samples', wavFile([[]])],
  ['cut short or damaged', wavFile([WAVE]).subarray(0, 30)],
  ['encoding 6 of 16 bits', changed((file) => file.writeUInt16LE(6, 20))],
  ['encoding 1 of 12 bits', changed((file) => file.writeUInt16LE(12, 34))],
  ['0 channels', changed((file) => file.writeUInt16LE(0, 22))],
  ['0 Hz', changed((file) => file.writeUInt32LE(0, 24))],
  ['does not say what its samples are', changed((file) => file.write('none', 12))],
  ['no finite number at sample 1', wavFile([[0, NaN]], { encoding: 'f32' })],
  ['MP3', Buffer.from('ID3.......')],
  ['PNG', Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')],
  ['RF64', Buffer.from('RF64....WAVE')],
  ['no recording', Buffer.from('hello')],
])('%s is refused', async (problem, file) => {
  const error = await failure(() => read(file), 'invalid_request');
  expect(error.message).toMatch(/^inputs\[0\] /);
  expect(error.message).toContain(problem);
});

test('a recording that is too long is refused before its samples are read', async () => {
  const file = wavFile([new Float32Array(16_001)]);
  expect(read(file, 2).samples).toHaveLength(16_001);
  expect((await failure(() => read(file, 1), 'invalid_request')).message).toContain(
    "at most 1 s are taken (option 'maxAudioSeconds')",
  );
});

test('damaged files are read or refused, and nothing else', () => {
  const damage = fc.array(fc.tuple(fc.nat(60), fc.nat(255)), { maxLength: 8 });
  fc.assert(
    fc.property(damage, fc.nat(60), (changes, cut) => {
      const file = wavFile([WAVE, WAVE]);
      for (const [at, value] of changes) file[at % file.length] = value;
      try {
        expect(read(file.subarray(0, file.length - (cut > 40 ? cut - 40 : 0))).samples.length).toBeGreaterThan(0);
      } catch (error) {
        if (!(error instanceof GolekError)) throw error;
        expect(error.code).toBe('invalid_request');
      }
    }),
    { numRuns: 500 },
  );
});
