import { GolekError, type InferenceEvent, type RunContext, type SessionLoad } from '@golek/providers-spi';
import type { OnnxGraph } from '../graph.ts';
import type { Encoding, Padding } from '../text/text-tokenizer.ts';
import { BatchedRuns } from './batched-runs.ts';
import { floatsOf, type FloatOutput } from './float-output.ts';
import type { PooledRow } from './pooling.ts';
import { padded, paddedLength, type TextPorts } from './text-ports.ts';

/** Where an answer is in the output of a batch. */
export interface RowOutput {
  readonly output: FloatOutput;
  readonly place: PooledRow;
}

export interface TextRunOptions {
  /** Registered name, for messages. */
  readonly name: string;
  readonly graph: OnnxGraph;
  readonly ports: TextPorts;
  /** Name of the output that is read. */
  readonly output: string;
  readonly padding: Padding;
  /** Runs that may wait. */
  readonly queueLimit: number;
  readonly maxBatchTokens: number;
  readonly maxBatchDelayMs: number;
}

/** Inputs of one run that are in the batcher at the same time: enough to find equal lengths among them. */
const WINDOW = 256;

/** Answers texts of many runs, several at once. */
export class TextRuns<R> implements AsyncDisposable {
  readonly #options: TextRunOptions;
  readonly #runs: BatchedRuns<Encoding, R>;

  /** `read`: the answer of one input from the output of its batch. It keeps nothing of the output. */
  constructor(options: TextRunOptions, read: (row: RowOutput) => R) {
    const { name, graph, ports, output, padding, queueLimit, maxBatchTokens, maxBatchDelayMs } = options;
    this.#options = options;
    this.#runs = new BatchedRuns(
      {
        name,
        queueLimit,
        window: WINDOW,
        lengthOf: ({ ids }) => paddedLength(ids.length, ports, padding),
        maxTokens: maxBatchTokens,
        maxItems: ports.rows ?? maxBatchTokens,
        maxDelayMs: maxBatchDelayMs,
        // Without a mask the graph takes padding for text.
        exact: ports.mask === undefined,
      },
      async (encodings, signal) => {
        const { feeds, starts } = padded(encodings, ports, padding);
        const outputs = await graph.run(feeds, [output], signal);
        const floats = floatsOf(outputs[output], output);
        return encodings.map(({ ids }, row) =>
          read({ output: floats, place: { row, start: starts[row] ?? 0, count: ids.length } }),
        );
      },
    );
  }

  get load(): SessionLoad {
    return this.#runs.load;
  }

  /** Answers in the order of the inputs. Throws `overloaded` when too many runs wait. */
  async *run(encodings: readonly Encoding[], context: RunContext): AsyncGenerator<R, void> {
    this.#checkLengths(encodings);
    yield* this.#runs.run(encodings, context);
  }

  #checkLengths(encodings: readonly Encoding[]): void {
    const { name, ports } = this.#options;
    const { length } = ports;
    if (length === undefined) return;
    for (const [index, { ids }] of encodings.entries()) {
      if (ids.length <= length) continue;
      throw new GolekError(
        'context_length_exceeded',
        `input ${index} has ${ids.length} tokens; the graph of model '${name}' takes ${length}`,
        { details: { input: index, promptTokens: ids.length, contextLength: length } },
      );
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#runs[Symbol.asyncDispose]();
  }
}

/** The usage of a run that evaluates its inputs once. */
export const usageOf = (encodings: readonly Encoding[]): InferenceEvent => ({
  type: 'usage',
  usage: { promptTokens: encodings.reduce((sum, { ids }) => sum + ids.length, 0), completionTokens: 0 },
});
