import type { ClassifyRequest, InferenceEvent, InferenceRequest, RunContext } from '@golek/providers-spi';
import { describe, expect, test } from 'vitest';
import type { OnnxTensor, TensorPort } from '../../graph.ts';
import { drawn, noise } from '../../media/pictures.fixture.ts';
import type { Picture } from '../../media/picture.ts';
import { wavFile } from '../../media/wav.fixture.ts';
import { failure, never } from '../../test-session.fixture.ts';
import type { ModelFiles } from '../model-files.ts';
import { openTasks } from '../open-tasks.ts';
import type { TaskOptions } from '../task-options.ts';
import { planTasks } from '../task-plan.ts';
import { BERT_INPUTS, filesOf, floats, FunctionGraph, port } from '../text-model.fixture.ts';
import { evaluatePictures } from './image-classification.ts';

type Feeds = Readonly<Record<string, OnnxTensor>>;

interface Setup {
  readonly inputs: readonly TensorPort[];
  readonly outputs: readonly TensorPort[];
  readonly compute?: (feeds: Feeds) => Record<string, OnnxTensor>;
  readonly files?: Partial<ModelFiles>;
  readonly options?: TaskOptions;
  readonly queueLimit?: number;
}

const planOf = ({ inputs, outputs, files, options = {} }: Setup) =>
  planTasks('m', filesOf({ tokenizer: undefined, ...files }), { inputs, outputs }, options);

const open = (setup: Setup) => {
  const { inputs, outputs, compute = () => ({}), queueLimit = 4 } = setup;
  const graph = new FunctionGraph(inputs, outputs, compute);
  const tasks = openTasks(planOf(setup), { name: 'm', graph, queueLimit, batchTokens: 512 });
  if (!tasks) throw new Error('no tasks');
  const stream = (request: InferenceRequest, context: Partial<RunContext> = {}): AsyncIterable<InferenceEvent> =>
    tasks.run(request, { id: '1', signal: AbortSignal.timeout(10_000), ...context });
  const ask = (request: InferenceRequest, context?: Partial<RunContext>): Promise<InferenceEvent[]> =>
    Array.fromAsync(stream(request, context));
  return { graph, tasks, stream, ask };
};

type Input = ClassifyRequest['inputs'][number];

const media = (type: 'image' | 'audio', bytes: Uint8Array): Input => ({
  type,
  source: { kind: 'base64', mediaType: `${type}/any`, data: Buffer.from(bytes).toString('base64') },
});

const classify = (...inputs: Input[]): ClassifyRequest => ({ task: 'classify', model: 'm', inputs });

const labelsIn = (events: readonly InferenceEvent[]): string[] =>
  events.flatMap((event) =>
    event.type === 'label' ? [`${event.index} ${event.label} ${event.score.toFixed(3)}`] : [],
  );

const PIXELS = [port('pixel_values', ['n', 3, 'h', 'w'], 'FP32')];
const LOGITS = [port('logits', ['n', 3], 'FP32')];
const PREPROCESSOR = { size: 8, do_rescale: false };
const COLOURS = { id2label: { 0: 'red', 1: 'green', 2: 'blue' } };

/** Four times the share of each channel in the sum of a picture. */
const shares = (feeds: Feeds): Record<string, OnnxTensor> => {
  const { dims, data } = Object.values(feeds)[0] as OnnxTensor;
  const [count = 0, channels = 0, height = 0, width = 0] = dims;
  const area = height * width;
  const sums = Array.from({ length: count * channels }, (_, plane) =>
    (data as Float32Array).subarray(plane * area, (plane + 1) * area).reduce((sum, value) => sum + value, 0),
  );
  const all = Array.from({ length: count }, (_, row) => sums.slice(row * channels, (row + 1) * channels));
  const values = all.flatMap((row) =>
    row.map(
      (sum) =>
        (4 * sum) /
        Math.max(
          1,
          row.reduce((a, b) => a + b, 0),
        ),
    ),
  );
  return { logits: floats([count, channels], values) };
};

const plain = (red: number, green: number, blue: number, width = 8, height = 8): Picture => ({
  width,
  height,
  channels: 3,
  data: Uint8Array.from({ length: width * height * 3 }, (_, i) => [red, green, blue][i % 3] ?? 0),
});
const png = async (picture: Picture): Promise<Input> => media('image', await drawn(picture).png().toBuffer());
const RED = await png(plain(200, 10, 10));
const GREEN = await png(plain(10, 200, 10));
const LARGE = await png(noise(40, 40, 3));

const IMAGES: Setup = {
  inputs: PIXELS,
  outputs: LOGITS,
  compute: shares,
  files: { preprocessor: PREPROCESSOR, config: COLOURS },
};

describe('what a graph is for', () => {
  const classifier = { architectures: ['ViTForImageClassification'] };
  const rank = (dims: TensorPort['dims'], name = 'logits') => [port(name, dims, 'FP32')];

  test.each<[string, Partial<Setup>, readonly string[]]>([
    ['a classifier of pictures', {}, ['classify']],
    [
      'one that says so, whatever its output is called',
      { files: { preprocessor: PREPROCESSOR, config: classifier }, outputs: rank(['n', 9], 'y') },
      ['classify'],
    ],
    ['an output with sizes of 1 behind', { outputs: rank(['n', 9, 1, 1]) }, ['classify']],
    [
      'the option instead of a file',
      { files: {}, outputs: rank(['n', 9], 'y'), options: { preprocessor: PREPROCESSOR } },
      ['classify'],
    ],
    [
      'what is asked for',
      {
        files: {},
        inputs: rank([1, 1, 28, 28], 'x'),
        outputs: rank([1, 10], 'y'),
        options: { task: 'image-classify' },
      },
      ['classify'],
    ],
    ['pictures without a word of how they are made ready', { files: { config: classifier } }, []],
    ['another task', { files: { preprocessor: PREPROCESSOR, config: { architectures: ['ViTModel'] } } }, []],
    ['boxes', { outputs: rank(['n', 100, 9]) }, []],
    ['tensors, if asked for', { options: { task: 'tensor' } }, []],
    ['more than pictures', { inputs: [...PIXELS, port('input_ids')] }, []],
  ])('%s', (_what, setup, tasks) => {
    expect(planOf({ ...IMAGES, ...setup }).tasks).toEqual(tasks);
  });

  test('a task that the graph cannot do is refused with what it needs', async () => {
    const refusal = (task: TaskOptions['task']) =>
      failure(() => planOf({ ...IMAGES, inputs: BERT_INPUTS, options: { ...(task && { task }) } }), 'unsupported');
    expect((await refusal('image-classify')).message).toContain('one input of pictures');
    expect((await refusal('audio-classify')).message).toContain("'input_values'");
    expect((await refusal('voice-activity')).message).toContain('Silero VAD');
  });
});

describe('pictures', () => {
  test('labels by probability, the best first', async () => {
    const { ask, tasks } = open(IMAGES);
    const events = await ask(classify(RED, GREEN));
    expect(labelsIn(events).filter((_, i) => i % 3 === 0)).toEqual(['0 red 0.941', '1 green 0.941']);
    expect(events.at(-1)).toEqual({ type: 'usage', usage: { promptTokens: 0, completionTokens: 0 } });
    expect(labelsIn(await ask({ ...classify(GREEN), top: 1 }))).toEqual(['0 green 0.941']);
    expect(tasks.options).toEqual(['input.image']);
    expect(tasks.load).toMatchObject({ running: 0, waiting: 0 });
  });

  test('names and probabilities as the options, the files and the graph say', async () => {
    const scores = async (more: Partial<Setup>): Promise<string[]> =>
      labelsIn(await open({ ...IMAGES, ...more }).ask({ ...classify(RED), top: 1 }));
    expect(await scores({ options: { labels: ['rot', 'grün', 'blau'] } })).toEqual(['0 rot 0.941']);
    expect(await scores({ files: { preprocessor: PREPROCESSOR } })).toEqual(['0 LABEL_0 0.941']);
    expect(await scores({ options: { scores: 'sigmoid' } })).toEqual(['0 red 0.974']);
    const config = { ...COLOURS, problem_type: 'multi_label_classification' };
    expect(await scores({ files: { preprocessor: PREPROCESSOR, config } })).toEqual(['0 red 0.974']);
    const outputs = LOGITS.map((output) => ({ ...output, isProbability: true }));
    expect(await scores({ outputs })).toEqual(['0 red 3.636']);
    expect(await scores({ outputs, options: { scores: 'softmax' } })).toEqual(['0 red 0.941']);
  });

  test('pictures are evaluated together, each size by itself', async () => {
    const { detail } = planOf(IMAGES);
    if (detail?.task !== 'image-classify') throw new Error('no plan for pictures');
    const graph = new FunctionGraph(PIXELS, LOGITS, shares);
    const [tall, wide] = [plain(0, 0, 200, 8, 32), plain(0, 200, 0, 32, 8)];
    const answers = await evaluatePictures(detail, graph, [tall, wide, plain(200, 0, 0, 8, 32)], never);
    expect(answers).toEqual([Float64Array.of(0, 0, 4), Float64Array.of(0, 4, 0), Float64Array.of(4, 0, 0)]);
    expect(graph.fed.map((feeds) => feeds['pixel_values']?.dims)).toEqual([
      [2, 3, 32, 8],
      [1, 3, 8, 32],
    ]);
  });

  test('pictures of several callers and sizes get their own labels', async () => {
    const files = { ...IMAGES.files, preprocessor: { do_resize: false, do_rescale: false } };
    const { ask, graph } = open({ ...IMAGES, files });
    const [tall, wide] = [await png(plain(0, 0, 200, 8, 32)), await png(plain(0, 200, 0, 32, 8))];
    const requests = [classify(tall, wide, RED), classify(GREEN, wide), classify(tall)];
    const answers = await Promise.all(requests.map((request) => ask({ ...request, top: 1 })));
    const best = answers.map((events) => labelsIn(events).map((text) => text.split(' ')[1]));
    expect(best).toEqual([['blue', 'green', 'red'], ['green', 'green'], ['blue']]);
    const counts = graph.fed.map((feeds) => feeds['pixel_values']?.dims[0] ?? 0);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(6);
  });

  test('a graph that fixes the number of pictures gets black ones for the rest', async () => {
    const inputs = [port('pixel_values', [2, 3, 8, 8], 'FP32')];
    const { ask, graph } = open({ ...IMAGES, inputs });
    const events = await ask({ ...classify(RED, GREEN, RED), top: 1 });
    expect(labelsIn(events)).toEqual(['0 red 0.941', '1 green 0.941', '2 red 0.941']);
    expect(new Set(graph.fed.map((feeds) => feeds['pixel_values']?.dims.join()))).toEqual(new Set(['2,3,8,8']));
  });

  test.each<[string, Input, 'unsupported' | 'invalid_request', string]>([
    ['a text', 'a cat', 'unsupported', "inputs[1] is a text; model 'm' classifies pictures"],
    ['a recording', media('audio', wavFile([[0]])), 'unsupported', 'inputs[1] is a recording'],
    [
      'an address',
      { type: 'image', source: { kind: 'url', url: 'http://169.254.169.254/' } },
      'unsupported',
      'nothing is fetched',
    ],
    [
      'no base64',
      { type: 'image', source: { kind: 'base64', mediaType: 'image/png', data: '%%%%' } },
      'invalid_request',
      'not base64',
    ],
    ['nothing', media('image', Buffer.alloc(0)), 'invalid_request', 'not base64'],
    ['another format', media('image', Buffer.from('%PDF-1.7')), 'invalid_request', 'PDF'],
    ['too many pixels', LARGE, 'invalid_request', "option 'maxImagePixels'"],
  ])('%s is refused by name', async (_what, input, code, problem) => {
    const { ask, tasks } = open({ ...IMAGES, options: { maxImagePixels: 1_500 } });
    expect((await failure(ask(classify(RED, input)), code)).message).toContain(problem);
    expect(labelsIn(await ask(classify(RED)))).toHaveLength(3);
    expect(tasks.load).toMatchObject({ running: 0, waiting: 0 });
  });

  test('texts go to models of text, and pictures do not', async () => {
    const { ask } = open({
      inputs: BERT_INPUTS,
      outputs: LOGITS,
      files: { ...filesOf(), config: { architectures: ['BertForSequenceClassification'] } },
    });
    const error = await failure(ask(classify('a', RED)), 'unsupported');
    expect(error.message).toBe("inputs[1] is a picture; model 'm' classifies texts");
    expect(error.details).toMatchObject({ option: 'input.image' });
  });

  test('an abort ends the run, and one who leaves stops the work', async () => {
    const { ask, stream, tasks, graph } = open(IMAGES);
    const abort = AbortSignal.abort(new Error('enough'));
    await failure(ask(classify(RED), { signal: abort }), 'cancelled');
    expect(graph.fed).toHaveLength(0);
    const many = classify(...Array.from({ length: 100 }, () => RED));
    for await (const event of stream(many)) {
      expect(event.type).toBe('label');
      break;
    }
    expect(tasks.load).toMatchObject({ running: 0, waiting: 0 });
    const evaluated = graph.fed.reduce((sum, feeds) => sum + (feeds['pixel_values']?.dims[0] ?? 0), 0);
    expect(evaluated).toBeLessThan(20);
  });

  test('more runs than may wait are refused', async () => {
    const { ask } = open({ ...IMAGES, queueLimit: 1 });
    const results = await Promise.allSettled([1, 2, 3].map(() => ask(classify(RED))));
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    expect((results[2] as PromiseRejectedResult).reason).toMatchObject({ code: 'overloaded' });
  });

  test('an output of another shape is an error of the model', async () => {
    const { ask } = open({ ...IMAGES, compute: () => ({ logits: floats([0, 3], []) }) });
    expect((await failure(ask(classify(RED)), 'provider_failed')).message).toContain('[0, 3]');
  });
});

const wav = (samples: ArrayLike<number>, rate = 16_000): Input =>
  media('audio', wavFile([samples], { rate, encoding: 'f32' }));

describe('recordings as a whole', () => {
  const AUDIO: Setup = {
    inputs: [port('input_values', ['batch', 'samples'], 'FP32'), port('attention_mask', ['batch', 'samples'])],
    outputs: [port('logits', ['batch', 2], 'FP32')],
    files: {
      preprocessor: { feature_extractor_type: 'Wav2Vec2FeatureExtractor', sampling_rate: 16_000, do_normalize: true },
      config: { id2label: { 0: 'low', 1: 'high' } },
    },
    // How often the sign changes.
    compute: (feeds) => {
      const { dims, data } = feeds['input_values'] as OnnxTensor;
      const [count = 0, length = 0] = dims;
      const values = Array.from({ length: count }, (_, row) => {
        const samples = (data as Float32Array).subarray(row * length, (row + 1) * length);
        const changes = samples.reduce(
          (sum, value, i) => sum + (i > 0 && value * (samples[i - 1] ?? 0) < 0 ? 1 : 0),
          0,
        );
        return changes > length / 10 ? [0, 5] : [5, 0];
      });
      return { logits: floats([count, 2], values.flat()) };
    },
  };
  const tone = (frequency: number, length = 800): number[] =>
    Array.from({ length }, (_, i) => 0.2 + 0.1 * Math.sin((2 * Math.PI * frequency * i) / 16_000));

  test('are normalised and named', async () => {
    const { ask, graph, tasks } = open(AUDIO);
    const events = await ask({ ...classify(wav(tone(100)), wav(tone(4000)), wav(tone(100, 900))), top: 1 });
    expect(labelsIn(events)).toEqual(['0 low 0.993', '1 high 0.993', '2 low 0.993']);
    expect(tasks.options).toEqual(['input.audio']);
    expect(graph.fed.map((feeds) => feeds['input_values']?.dims).sort()).toEqual([
      [1, 900],
      [2, 800],
    ]);
    const samples = graph.fed[0]?.['input_values']?.data as Float32Array;
    const first = samples.subarray(0, 800);
    expect(first.reduce((sum, value) => sum + value, 0) / 800).toBeCloseTo(0, 5);
    expect(first.reduce((sum, value) => sum + value ** 2, 0) / 800).toBeCloseTo(1, 3);
    expect(graph.fed[0]?.['attention_mask']?.data).toEqual(new BigInt64Array(1600).fill(1n));
  });

  test('of another rate, too long or no recordings are refused by name', async () => {
    const { ask } = open({ ...AUDIO, options: { maxAudioSeconds: 1 } });
    const refusal = async (
      input: Input,
      code: 'invalid_request' | 'unsupported' = 'invalid_request',
    ): Promise<string> => (await failure(ask(classify(input)), code)).message;
    expect(await refusal(wav(tone(100), 44_100))).toContain("44100 samples a second; model 'm' takes 16000");
    expect(await refusal(wav(new Float32Array(16_001)))).toContain("option 'maxAudioSeconds'");
    expect(await refusal(media('audio', Buffer.from('OggS....')))).toContain('Ogg');
    expect(await refusal(RED, 'unsupported')).toContain('inputs[0] is a picture');
  });

  test('spectrograms are left to the caller', () => {
    const preprocessor = { feature_extractor_type: 'ASTFeatureExtractor' };
    expect(planOf({ ...AUDIO, files: { preprocessor } }).tasks).toEqual([]);
  });
});

describe('voice activity', () => {
  const COMPONENTS = 128;
  /** Loud frames are speech; the state counts the frames of its recording, and a wrong count makes the probability 0. */
  const VOICE: Setup = {
    inputs: [
      port('input', [undefined, undefined], 'FP32'),
      port('state', [2, undefined, COMPONENTS], 'FP32'),
      port('sr', []),
    ],
    outputs: [port('output', [undefined, 1], 'FP32'), port('stateN', [undefined, undefined, undefined], 'FP32')],
    compute: (feeds) => {
      const { dims, data } = feeds['input'] as OnnxTensor;
      const states = feeds['state'] as OnnxTensor;
      const [count = 0, length = 0] = dims;
      const next = Float32Array.from(states.data as Float32Array, (value) => value + 1);
      const probabilities = Array.from({ length: count }, (_, row) => {
        const samples = (data as Float32Array).subarray(row * length, (row + 1) * length);
        const [first, second] = [0, 1].map(
          (layer) => (states.data as Float32Array)[(layer * count + row) * COMPONENTS],
        );
        const context = length / 9;
        // The mark of a test recording: each sample's sign is that of the frame that it was made for.
        const frame = Math.round(Math.abs(samples[context] ?? 0) * 1000) % 100;
        return first === second && first === frame && Math.abs(samples[context] ?? 0) > 0.2 ? 0.9 : 0.05;
      });
      return { output: floats([count, 1], probabilities), stateN: { type: 'FP32', dims: states.dims, data: next } };
    },
  };

  /** Frames of 32 ms; loud ones carry their number in the thousandths. */
  const recording = (loud: (frame: number) => boolean, frames: number, rate: number): Float32Array => {
    const length = rate === 16_000 ? 512 : 256;
    return Float32Array.from({ length: frames * length }, (_, i) => {
      const frame = Math.floor(i / length);
      return loud(frame) ? 0.3 + frame / 1000 : frame / 1000;
    });
  };

  const heard = (events: readonly InferenceEvent[]): (string | number)[][] =>
    events.flatMap((event) =>
      event.type === 'label' ? [[event.index, event.label, event.start ?? -1, event.end ?? -1]] : [],
    );

  test('speech has a place, and each recording has a state of its own', async () => {
    const { ask, graph } = open(VOICE);
    const one = wav(recording((frame) => frame >= 10 && frame < 30, 50, 16_000));
    const other = wav(
      recording((frame) => frame < 20, 40, 8_000),
      8_000,
    );
    const both = await Promise.all([ask(classify(one, other)), ask(classify(one)), ask(classify(other))]);
    expect(both.map(heard)).toEqual([
      [
        [0, 'speech', 290, 990],
        [1, 'speech', 0, 670],
      ],
      [[0, 'speech', 290, 990]],
      [[0, 'speech', 0, 670]],
    ]);
    // Frames of one rate go together.
    expect(graph.fed.some((feeds) => (feeds['input']?.dims[0] ?? 0) > 1)).toBe(true);
    const shapes = new Set(graph.fed.map((feeds) => [feeds['input']?.dims[1], feeds['sr']?.data[0]].join(' at ')));
    expect([...shapes].sort()).toEqual(['288 at 8000', '576 at 16000']);
  });

  test('a frame has what was before it in front, and nothing behind the end', async () => {
    const { ask, graph } = open(VOICE);
    await ask(classify(wav(Float32Array.from({ length: 600 }, (_, i) => (i + 1) / 1000))));
    const [first, second] = graph.fed.map((feeds) => feeds['input']?.data as Float32Array);
    expect(first?.subarray(0, 64)).toEqual(new Float32Array(64));
    expect(first?.[64]).toBeCloseTo(0.001, 6);
    expect(second?.subarray(0, 64)).toEqual(first?.subarray(512, 576));
    expect(second?.[64]).toBeCloseTo(0.513, 6);
    expect(second?.subarray(64 + 88)).toEqual(new Float32Array(512 - 88));
    expect(graph.fed).toHaveLength(2);
  });

  test('silence has no label; limits are options', async () => {
    const speech = wav(recording((frame) => (frame >= 10 && frame < 30) || (frame >= 40 && frame < 45), 60, 16_000));
    expect(heard(await open(VOICE).ask(classify(wav(new Float32Array(16_000)))))).toEqual([]);
    const options = { minSpeechMs: 100, speechPadMs: 0 };
    const { ask } = open({ ...VOICE, options });
    expect(heard(await ask(classify(speech)))).toEqual([
      [0, 'speech', 320, 960],
      [0, 'speech', 1280, 1440],
    ]);
    expect(heard(await ask({ ...classify(speech), top: 1 }))).toHaveLength(1);
    expect(heard(await open({ ...VOICE, options: { ...options, minSilenceMs: 400 } }).ask(classify(speech)))).toEqual([
      [0, 'speech', 320, 1440],
    ]);
    expect(heard(await open({ ...VOICE, options: { speechThreshold: 0.95 } }).ask(classify(speech)))).toEqual([]);
  });

  test('another rate is refused by name, an abort ends a long recording', async () => {
    const { ask, graph } = open(VOICE);
    const error = await failure(ask(classify(wav([0, 0], 22_050))), 'invalid_request');
    expect(error.message).toContain("22050 samples a second; model 'm' takes 16000 or 8000");
    const abort = new AbortController();
    const long = ask(classify(wav(new Float32Array(160_000))), { signal: abort.signal });
    while (graph.fed.length < 3) await new Promise(setImmediate);
    abort.abort(new Error('enough'));
    await failure(long, 'cancelled');
    expect(graph.fed.length).toBeLessThan(100);
  });

  test('other graphs with a state are tensors', () => {
    const [input, , rate] = VOICE.inputs as readonly [TensorPort, TensorPort, TensorPort];
    const state = port('state', [2, undefined, 64], 'FP32');
    expect(planOf({ ...VOICE, inputs: [input, state, rate] }).tasks).toEqual([]);
    expect(planOf(VOICE).tasks).toEqual(['classify']);
    expect(planOf({ ...VOICE, options: { task: 'tensor' } }).tasks).toEqual([]);
  });
});
