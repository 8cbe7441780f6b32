import {
  GolekError,
  type ClassifyRequest,
  type InferenceEvent,
  type RunContext,
  type SessionLoad,
} from '@golek/providers-spi';
import type { OnnxTensor, TensorPort } from '../../graph.ts';
import { readWav } from '../../media/wav-file.ts';
import { BatchedRuns } from '../batched-runs.ts';
import { labelEvents, probabilitiesOf } from '../class-scores.ts';
import { mediaInputs, type MediaFile } from '../classify-inputs.ts';
import { toHalves } from '../half-floats.ts';
import { integers } from '../text-ports.ts';
import type { AudioDetail, OpenMediaOptions } from './media-plan.ts';
import { outputRows } from './output-rows.ts';

/** Recordings of one run that are read ahead of their answers. */
const WINDOW = 8;
/** Recordings, and samples, that are evaluated together: a minute of 16,000 Hz. */
const MAX_BATCH = 64;
const MAX_BATCH_SAMPLES = 960_000;
/** Attention over a recording takes memory with the square of its length. */
const DEFAULT_MAX_SECONDS = 60;

/** An open model that names a recording as a whole, from its samples. */
export class AudioClassifier implements AsyncDisposable {
  readonly #detail: AudioDetail;
  readonly #name: string;
  readonly #runs: BatchedRuns<Float32Array, Float64Array>;

  constructor(detail: AudioDetail, { name, graph, queueLimit, maxDelayMs }: OpenMediaOptions) {
    this.#detail = detail;
    this.#name = name;
    const { input, mask, output } = detail;
    const [rows] = input.dims;
    this.#runs = new BatchedRuns(
      {
        name,
        queueLimit,
        window: WINDOW,
        lengthOf: (samples) => samples.length,
        maxTokens: MAX_BATCH_SAMPLES,
        maxItems: typeof rows === 'number' && rows > 0 ? 1 : MAX_BATCH,
        maxDelayMs,
        // Nothing is padded: many of these models would hear it.
        exact: true,
      },
      async (recordings, signal) => {
        const [first] = recordings as [Float32Array];
        const dims = [recordings.length, first.length];
        const all = new Float32Array(recordings.length * first.length);
        for (const [row, samples] of recordings.entries()) all.set(samples, row * first.length);
        const feeds = {
          [input.name]: floatTensor(input, all, dims),
          ...(mask && { [mask.name]: integers(mask, new Int32Array(all.length).fill(1), dims) }),
        };
        return outputRows(await graph.run(feeds, [output.name], signal), output.name, recordings.length);
      },
    );
  }

  get load(): SessionLoad {
    return this.#runs.load;
  }

  /** Labels with their probabilities, the best first, at most `top` of each recording; the usage. */
  async *run({ inputs, top }: ClassifyRequest, context: RunContext): AsyncGenerator<InferenceEvent, void> {
    const files = mediaInputs(this.#name, inputs, 'audio');
    const { labels, scores } = this.#detail;
    let index = 0;
    for await (const output of this.#runs.run(this.#recordings(files), context))
      yield* labelEvents(index++, probabilitiesOf(output, scores), labels, top);
    yield { type: 'usage', usage: { promptTokens: 0, completionTokens: 0 } };
  }

  *#recordings(files: readonly MediaFile[]): Generator<Float32Array, void> {
    const { rate, normalize, options } = this.#detail;
    for (const { what, bytes } of files) {
      const sound = readWav(bytes(), what, options.maxAudioSeconds ?? DEFAULT_MAX_SECONDS);
      refuseRate(this.#name, what, sound.rate, [rate]);
      yield normalize ? normalized(sound.samples) : sound.samples;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#runs[Symbol.asyncDispose]();
  }
}

/** Throws `invalid_request` for a rate that the model was not made for. */
export const refuseRate = (model: string, what: string, rate: number, known: readonly [number, ...number[]]): void => {
  if (known.includes(rate)) return;
  throw new GolekError(
    'invalid_request',
    `${what} has ${rate} samples a second; model '${model}' takes ${known.join(' or ')}, and recordings are not converted here (ffmpeg -i IN -ar ${known[0]} -ac 1 OUT.wav)`,
    { details: { field: what, rate, known } },
  );
};

const floatTensor = ({ type }: TensorPort, data: Float32Array, dims: readonly number[]): OnnxTensor =>
  type === 'FP16' ? { type: 'FP16', dims, data: toHalves(data) } : { type: 'FP32', dims, data };

/** What Wav2Vec2's feature extractor adds to the variance. */
const LEAST_VARIANCE = 1e-7;

/** With the mean 0 and the variance 1. */
const normalized = (samples: Float32Array): Float32Array => {
  const mean = samples.reduce((sum, sample) => sum + sample, 0) / samples.length;
  const variance = samples.reduce((sum, sample) => sum + (sample - mean) ** 2, 0) / samples.length;
  const deviation = Math.sqrt(variance + LEAST_VARIANCE);
  return samples.map((sample) => (sample - mean) / deviation);
};
