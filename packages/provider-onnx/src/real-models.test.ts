import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { inflateSync } from 'node:zlib';
import { expect, test } from 'vitest';
import type { ClassifyRequest, InferenceEvent, ModelSession, NamedTensor } from '@golek/providers-spi';
import { drawn } from './media/pictures.fixture.ts';
import { RATE, vowels } from './media/voice.fixture.ts';
import { wavFile } from './media/wav.fixture.ts';
import { DIGITS } from './mnist-digits.fixture.ts';
import { elementsOf, float32, int64 } from './tensors.fixture.ts';
import { never, run, TestProvider } from './test-session.fixture.ts';

// Models that are not part of the repository: see their SOURCE.txt there.
const BESIDE = path.resolve(import.meta.dirname, '../../../../shared/models');
const tests = new TestProvider();

const best = (tensor: NamedTensor | undefined): number => {
  const scores = tensor ? elementsOf(tensor).map(Number) : [];
  return scores.indexOf(Math.max(...scores));
};

type Label = Extract<InferenceEvent, { type: 'label' }>;

const labels = async (
  session: ModelSession,
  type: 'image' | 'audio',
  files: readonly Buffer[],
  top?: number,
): Promise<Label[]> => {
  const inputs = files.map((file) => ({
    type,
    source: { kind: 'base64' as const, mediaType: 'application/octet-stream', data: file.toString('base64') },
  }));
  const request: ClassifyRequest = { task: 'classify', model: 'm', inputs, ...(top !== undefined && { top }) };
  const events = await Array.fromAsync(session.run(request, { id: '1', signal: never }));
  return events.filter((event) => event.type === 'label');
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

test.runIf(existsSync(MNIST))('MNIST reads handwritten digits on pictures', async () => {
  await using session = await tests.open(MNIST, {
    task: 'image-classify',
    preprocessor: { do_rescale: false },
    labels: Array.from({ length: 10 }, (_, digit) => String(digit)),
  });
  expect(session.manifest.tasks).toEqual(['tensor', 'classify']);
  const pictures = [...DIGITS.values()].map((packed) =>
    drawn({ width: 28, height: 28, channels: 1, data: inflateSync(Buffer.from(packed, 'base64')) }),
  );
  const digits = [...DIGITS.keys()].map(
    (digit, index) => expect.objectContaining({ index, label: String(digit) }) as unknown,
  );
  const png = await Promise.all(pictures.map((picture) => picture.clone().toColourspace('b-w').png().toBuffer()));
  expect(await labels(session, 'image', png, 1)).toEqual(digits);
  const large = await Promise.all(pictures.map((picture) => picture.clone().resize(300, 300).webp().toBuffer()));
  expect(await labels(session, 'image', large, 1)).toEqual(digits);
  const jpeg = await Promise.all(
    [...DIGITS.keys()].map((digit) => readFile(path.join(BESIDE, `mnist/digit${digit}.jpg`))),
  );
  expect(await labels(session, 'image', jpeg, 1)).toEqual(digits);
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

test.runIf(existsSync(SILERO))('Silero finds the voice in a recording', async () => {
  await using session = await tests.open(SILERO);
  expect(session.manifest.tasks).toEqual(['tensor', 'classify']);
  const sound = new Float32Array(5 * RATE);
  sound.set(vowels(2 * RATE), 1.5 * RATE);
  const silence = new Float32Array(2 * RATE);
  const heard = await labels(session, 'audio', [wavFile([sound]), wavFile([silence])]);
  expect(heard.every(({ index, label, score }) => index === 0 && label === 'speech' && score > 0.5)).toBe(true);
  const inside = heard.reduce((sum, { start = 0, end = 0 }) => sum + end - start, 0);
  expect(inside).toBeGreaterThan(1_300);
  expect(heard[0]?.start).toBeGreaterThan(1_400);
  expect(heard.at(-1)?.end).toBeLessThan(3_800);
  // The same recording at half the rate.
  const slower = sound.filter((_, i) => i % 2 === 0);
  const again = await labels(session, 'audio', [wavFile([slower], { rate: RATE / 2, encoding: 'f32' })]);
  expect(again.length).toBeGreaterThan(0);
  expect(again[0]?.start).toBeGreaterThan(1_400);
});

/** What the model takes at a time, and how much of what was before it. */
const CHUNK = 512;
const CONTEXT = 64;

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
  expect(await guess(await readFile(path.join(BESIDE, 'mnist/digit7.jpg')))).toBe('jpeg');
  expect(await guess(wavFile([vowels(RATE)]))).toBe('wav');
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
