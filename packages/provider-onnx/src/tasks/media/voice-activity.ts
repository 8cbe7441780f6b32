import type { ClassifyRequest, InferenceEvent, RunContext, SessionLoad } from '@golek/providers-spi';
import type { OnnxTensor } from '../../graph.ts';
import { readWav, type Sound } from '../../media/wav-file.ts';
import { BatchedRuns } from '../batched-runs.ts';
import { mostCertain } from '../class-scores.ts';
import { mediaInputs } from '../classify-inputs.ts';
import { floatsOf } from '../float-output.ts';
import { refuseRate } from './audio-classification.ts';
import type { OpenMediaOptions, VoiceDetail } from './media-plan.ts';
import { speechSegments } from './speech-segments.ts';
import { COMPONENTS, LAYERS, type VoicePorts } from './voice-ports.ts';

const RATES = [16_000, 8_000] as const;
/** A frame is 32 ms long at both rates, and has the 4 ms before it in front. */
const FRAME_MS = 32;
const CONTEXT_MS = 4;

/** A frame of a recording with what was before it. */
interface Frame {
  readonly rate: number;
  readonly samples: Float32Array;
  readonly state: Float32Array;
}

interface Heard {
  readonly probability: number;
  readonly state: Float32Array;
}

/** Recordings whose frames are evaluated together. */
const MAX_BATCH = 64;
const LONGEST_FRAME = 576;
const DEFAULT_MAX_SECONDS = 4 * 3600;

/** An open model that tells where in a recording somebody speaks. */
export class VoiceDetector implements AsyncDisposable {
  readonly #detail: VoiceDetail;
  readonly #name: string;
  readonly #runs: BatchedRuns<Frame, Heard>;

  constructor(detail: VoiceDetail, { name, graph, queueLimit, maxDelayMs }: OpenMediaOptions) {
    this.#detail = detail;
    this.#name = name;
    const { output, nextState } = detail.ports;
    this.#runs = new BatchedRuns(
      {
        name,
        queueLimit,
        // Each frame needs the state that the one before has left.
        window: 1,
        lengthOf: ({ samples }) => samples.length,
        maxTokens: MAX_BATCH * LONGEST_FRAME,
        maxItems: MAX_BATCH,
        maxDelayMs,
        exact: true,
      },
      async (frames, signal) => {
        const outputs = await graph.run(feedsOf(detail.ports, frames), [output.name, nextState.name], signal);
        const probabilities = floatsOf(outputs[output.name], output.name).data;
        const states = floatsOf(outputs[nextState.name], nextState.name).data;
        return frames.map((_, row) => ({
          probability: probabilities[row] ?? 0,
          state: rowState(states, row, frames.length),
        }));
      },
    );
  }

  get load(): SessionLoad {
    return this.#runs.load;
  }

  /** Pieces of each recording with speech, in their order, labelled `speech`; with `top` the most certain ones. The usage. */
  async *run({ inputs, top }: ClassifyRequest, context: RunContext): AsyncGenerator<InferenceEvent, void> {
    const { options } = this.#detail;
    for (const [index, { what, bytes }] of mediaInputs(this.#name, inputs, 'audio').entries()) {
      const sound = readWav(bytes(), what, options.maxAudioSeconds ?? DEFAULT_MAX_SECONDS);
      refuseRate(this.#name, what, sound.rate, RATES);
      const segments = speechSegments(await this.#probabilities(sound, context), {
        frameMs: FRAME_MS,
        totalMs: (1000 * sound.samples.length) / sound.rate,
        threshold: options.speechThreshold ?? 0.5,
        minSpeechMs: options.minSpeechMs ?? 250,
        minSilenceMs: options.minSilenceMs ?? 100,
        padMs: options.speechPadMs ?? 30,
      });
      for (const { start, end, score } of mostCertain(segments, top))
        yield { type: 'label', index, label: 'speech', score, start, end };
    }
    yield { type: 'usage', usage: { promptTokens: 0, completionTokens: 0 } };
  }

  async #probabilities({ rate, samples }: Sound, context: RunContext): Promise<readonly number[]> {
    const length = (FRAME_MS * rate) / 1000;
    const before = (CONTEXT_MS * rate) / 1000;
    const probabilities: number[] = [];
    let state: Float32Array = new Float32Array(LAYERS * COMPONENTS);
    const frames = function* (): Generator<Frame, void> {
      for (let at = 0; at < samples.length; at += length) {
        const frame = new Float32Array(before + length);
        const known = samples.subarray(Math.max(0, at - before), at + length);
        frame.set(known, at === 0 ? before : 0);
        yield { rate, samples: frame, state };
      }
    };
    for await (const heard of this.#runs.run(frames(), context)) {
      probabilities.push(heard.probability);
      ({ state } = heard);
    }
    return probabilities;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#runs[Symbol.asyncDispose]();
  }
}

const feedsOf = (ports: VoicePorts, frames: readonly Frame[]): Record<string, OnnxTensor> => {
  const [{ rate, samples }] = frames as [Frame];
  const count = frames.length;
  const input = new Float32Array(count * samples.length);
  const states = new Float32Array(LAYERS * count * COMPONENTS);
  for (const [row, frame] of frames.entries()) {
    input.set(frame.samples, row * samples.length);
    for (let layer = 0; layer < LAYERS; layer++)
      states.set(
        frame.state.subarray(layer * COMPONENTS, (layer + 1) * COMPONENTS),
        (layer * count + row) * COMPONENTS,
      );
  }
  return {
    [ports.input.name]: { type: 'FP32', dims: [count, samples.length], data: input },
    [ports.state.name]: { type: 'FP32', dims: [LAYERS, count, COMPONENTS], data: states },
    [ports.rate.name]: { type: 'INT64', dims: [], data: BigInt64Array.of(BigInt(rate)) },
  };
};

const rowState = (states: Float32Array | Float64Array, row: number, count: number): Float32Array => {
  const state = new Float32Array(LAYERS * COMPONENTS);
  for (let layer = 0; layer < LAYERS; layer++) {
    const from = (layer * count + row) * COMPONENTS;
    state.set(states.subarray(from, from + COMPONENTS), layer * COMPONENTS);
  }
  return state;
};
