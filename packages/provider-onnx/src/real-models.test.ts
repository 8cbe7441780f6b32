import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { inflateSync } from 'node:zlib';
import { expect, test } from 'vitest';
import type { NamedTensor } from '@golek/providers-spi';
import { DIGITS } from './mnist-digits.fixture.ts';
import { elementsOf, float32, int64 } from './tensors.fixture.ts';
import { run, TestProvider } from './test-session.fixture.ts';

// Models that are not part of the repository: see their SOURCE.txt there.
const BESIDE = path.resolve(import.meta.dirname, '../../../../shared/models');
const tests = new TestProvider();

const best = (tensor: NamedTensor | undefined): number => {
  const scores = tensor ? elementsOf(tensor).map(Number) : [];
  return scores.indexOf(Math.max(...scores));
};

const MNIST = path.join(BESIDE, 'mnist/opt-mnist.onnx');
test.runIf(existsSync(MNIST))('MNIST reads handwritten digits', async () => {
  await using session = await tests.open(MNIST);
  const [port] = (await run(session, [float32('Input3', [1, 1, 28, 28], new Float32Array(784))])).values();
  expect(port?.shape).toEqual([1, 10]);
  for (const [digit, picture] of DIGITS) {
    const pixels = inflateSync(Buffer.from(picture, 'base64'));
    const [scores] = await run(session, [float32('Input3', [1, 1, 28, 28], pixels)]);
    expect(best(scores)).toBe(digit);
  }
});

const SILERO = path.join(BESIDE, 'silero-vad/silero_vad.onnx');
test.runIf(existsSync(SILERO))('Silero tells vowels from silence, with a state that goes from run to run', async () => {
  await using session = await tests.open(SILERO);
  const heard = async (sound: Float32Array): Promise<number[]> => {
    const probabilities: number[] = [];
    let state = float32('state', [2, 1, 128], new Float32Array(256));
    for (let at = 0; at + CHUNK <= sound.length; at += CHUNK) {
      const input = new Float32Array(CONTEXT + CHUNK);
      input.set(sound.subarray(Math.max(0, at - CONTEXT), at), at === 0 ? CONTEXT : 0);
      input.set(sound.subarray(at, at + CHUNK), CONTEXT);
      const rate = int64('sr', [], [RATE]);
      const [probability, next] = await run(session, [float32('input', [1, CONTEXT + CHUNK], input), state, rate]);
      if (!probability || !next) throw new Error('two outputs were expected');
      probabilities.push(Number(elementsOf(probability)[0]));
      state = { ...next, name: 'state' };
    }
    return probabilities;
  };
  const voices = await heard(vowels(2 * RATE));
  expect(voices.filter((probability) => probability > 0.5).length).toBeGreaterThan(voices.length * 0.7);
  const silence = await heard(new Float32Array(RATE));
  expect(silence.filter((probability) => probability > 0.5)).toEqual([]);
});

const RATE = 16_000;
/** What the model takes at a time, and how much of what was before it. */
const CHUNK = 512;
const CONTEXT = 64;

/** Pulses of about 120 in a second through the three resonances of a mouth: a, i, u, e, twice. */
const vowels = (length: number): Float32Array => {
  const pulses = new Float32Array(length);
  for (let i = 0, phase = 0; i < length; i++) {
    phase += (120 + 20 * Math.sin((5 * Math.PI * i) / RATE)) / RATE;
    if (phase < 1) continue;
    phase -= 1;
    pulses[i] = 1;
  }
  const formants = [
    [730, 1090, 2440],
    [270, 2290, 3010],
    [300, 870, 2240],
    [530, 1840, 2480],
  ];
  const voice = new Float32Array(length);
  const part = length / 8;
  for (let vowel = 0; vowel < 8; vowel++) {
    let sound = pulses.slice(vowel * part, (vowel + 1) * part);
    for (const [k, frequency] of (formants[vowel % 4] ?? []).entries())
      sound = resonance(sound, frequency, 60 + 40 * k);
    const loudest = sound.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    sound.forEach((value, i) => {
      voice[vowel * part + i] = ((0.4 * value) / loudest) * Math.sin((Math.PI * i) / part);
    });
  }
  return voice;
};

const resonance = (sound: Float32Array<ArrayBuffer>, frequency: number, width: number): Float32Array<ArrayBuffer> => {
  const radius = Math.exp((-Math.PI * width) / RATE);
  const a = 2 * radius * Math.cos((2 * Math.PI * frequency) / RATE);
  let [before, last] = [0, 0];
  return sound.map((value) => {
    const next = value + a * last - radius * radius * before;
    [before, last] = [last, next];
    return next;
  });
};

const MAGIKA = path.join(BESIDE, 'magika/model.onnx');
test.runIf(existsSync(MAGIKA))('Magika tells what is in a file', async () => {
  const { target_labels_space: labels } = JSON.parse(
    await readFile(path.join(BESIDE, 'magika/config.min.json'), 'utf8'),
  ) as {
    readonly target_labels_space: readonly string[];
  };
  await using session = await tests.open(MAGIKA);
  const guess = async (content: Buffer): Promise<string | undefined> => {
    const tokens = new Int32Array(2048).fill(256);
    tokens.set(content.subarray(0, 1024));
    tokens.set(content.subarray(-1024), 2048 - Math.min(1024, content.length));
    const input: NamedTensor = { name: 'bytes', type: 'INT32', shape: [1, 2048], data: new Uint8Array(tokens.buffer) };
    const [scores] = await run(session, [input]);
    return labels[best(scores)];
  };
  expect(await guess(await readFile(import.meta.filename))).toBe('typescript');
  expect(await guess(await readFile(MAGIKA))).toBe('onnx');
  expect(await guess(await readFile(path.resolve(import.meta.dirname, '../package.json')))).toBe('json');
  expect(
    await guess(
      Buffer.from(
        'import os\n\ndef main(argv):\n    for name in os.listdir(argv[1]):\n        print(name)\n\nif __name__ == "__main__":\n    main([])\n',
      ),
    ),
  ).toBe('python');
});

const STORIES = path.join(BESIDE, 'stories260K-onnx/onnx/model.onnx');
test.runIf(existsSync(STORIES))('a cache of keys and values goes from run to run, empty at first', async () => {
  await using session = await tests.open(STORIES);
  const LAYERS = 5;
  const names = Array.from({ length: 2 * LAYERS }, (_, i) => `${i >> 1}.${i % 2 === 0 ? 'key' : 'value'}`);
  const step = async (tokens: readonly number[], past: readonly NamedTensor[]): Promise<NamedTensor[]> => {
    const before = past[0]?.shape[2] ?? 0;
    const count = tokens.length;
    return run(session, [
      int64('input_ids', [1, count], tokens),
      int64('attention_mask', [1, before + count], new Array<number>(before + count).fill(1)),
      int64(
        'position_ids',
        [1, count],
        Array.from(tokens, (_, i) => before + i),
      ),
      ...names.map((name, i) => ({ ...(past[i] ?? float32('', [1, 4, 0, 8], [])), name: `past_key_values.${name}` })),
    ]);
  };
  const tokens = [1, 403, 407, 261, 378];
  const [whole, ...allKeys] = await step(tokens, []);
  let past: NamedTensor[] = [];
  let last: NamedTensor | undefined;
  for (const token of tokens) [last, ...past] = await step([token], past);
  expect(past.map(({ shape }) => shape)).toEqual(allKeys.map(({ shape }) => shape));
  const logits = (tensor: NamedTensor | undefined): number[] =>
    (tensor ? elementsOf(tensor) : []).slice(-512).map(Number);
  expect(logits(last)).toHaveLength(512);
  logits(last).forEach((logit, i) => expect(logit).toBeCloseTo(logits(whole)[i] ?? NaN, 3));
});
