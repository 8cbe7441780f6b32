import {
  RunSlots,
  type ClassifyRequest,
  type InferenceEvent,
  type RunContext,
  type SessionLoad,
} from '@golek/providers-spi';
import type { OnnxGraph } from '../../graph.ts';
import { decodeImage } from '../../media/image-file.ts';
import type { Picture } from '../../media/picture.ts';
import { BatchedRuns } from '../batched-runs.ts';
import { labelEvents, probabilitiesOf } from '../class-scores.ts';
import { mediaInputs, type MediaFile } from '../classify-inputs.ts';
import { fitPicture } from './fit-picture.ts';
import { pixelTensor } from './image-port.ts';
import { outputRows } from './output-rows.ts';
import type { ImageDetail, OpenMediaOptions } from './media-plan.ts';

/** Pictures of one run that are decoded ahead of their answers. */
const WINDOW = 8;
/** Pictures and pixels that are evaluated together. */
const MAX_BATCH = 64;
const MAX_BATCH_PIXELS = 4 << 20;
/** Pictures that are decoded at the same time: a decoded one may have 200 MB. */
const DECODED_AT_ONCE = 2;
const DEFAULT_MAX_PIXELS = 1 << 26;

/** An open model that says what is on pictures. */
export class ImageClassifier implements AsyncDisposable {
  readonly #detail: ImageDetail;
  readonly #name: string;
  readonly #runs: BatchedRuns<Picture, Float64Array>;
  readonly #decoding = new RunSlots(DECODED_AT_ONCE);

  constructor(detail: ImageDetail, { name, graph, queueLimit, maxDelayMs }: OpenMediaOptions) {
    this.#detail = detail;
    this.#name = name;
    this.#runs = new BatchedRuns(
      {
        name,
        queueLimit,
        window: WINDOW,
        lengthOf: ({ width, height }) => width * height,
        maxTokens: MAX_BATCH_PIXELS,
        maxItems: Math.min(MAX_BATCH, detail.image.rows ?? MAX_BATCH),
        maxDelayMs,
        exact: true,
      },
      (pictures, signal) => evaluatePictures(detail, graph, pictures, signal),
    );
  }

  get load(): SessionLoad {
    return this.#runs.load;
  }

  /** Labels with their probabilities, the best first, at most `top` of each picture; the usage. */
  async *run({ inputs, top }: ClassifyRequest, context: RunContext): AsyncGenerator<InferenceEvent, void> {
    const files = mediaInputs(this.#name, inputs, 'image');
    const { labels, scores } = this.#detail;
    let index = 0;
    for await (const output of this.#runs.run(this.#pictures(files, context.signal), context))
      yield* labelEvents(index++, probabilitiesOf(output, scores), labels, top);
    yield { type: 'usage', usage: { promptTokens: 0, completionTokens: 0 } };
  }

  async *#pictures(files: readonly MediaFile[], signal: AbortSignal): AsyncGenerator<Picture, void> {
    const { image, steps, options } = this.#detail;
    const { maxImagePixels = DEFAULT_MAX_PIXELS } = options;
    for (const { what, bytes } of files) {
      await this.#decoding.take(signal);
      let picture: Picture;
      try {
        const decoded = await decodeImage(bytes(), what, maxImagePixels);
        picture = await fitPicture(decoded, what, image, steps, maxImagePixels);
      } finally {
        this.#decoding.give();
      }
      yield picture;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#runs[Symbol.asyncDispose]();
  }
}

/** The output of the graph for each picture. */
export const evaluatePictures = async (
  { image, steps, output }: ImageDetail,
  graph: OnnxGraph,
  pictures: readonly Picture[],
  signal: AbortSignal,
): Promise<readonly Float64Array[]> => {
  const answers: Float64Array[] = [];
  // As many pixels may be as many in other shapes.
  const shapes = Map.groupBy(pictures.entries(), ([, { width, height }]) => `${width}x${height}`);
  for (const group of shapes.values()) {
    const alike = group.map(([, picture]) => picture);
    const feeds = { [image.port.name]: pixelTensor(image, alike, steps.scales, steps.flipChannels) };
    const rows = outputRows(await graph.run(feeds, [output.name], signal), output.name, alike.length);
    for (const [row, [place]] of group.entries()) answers[place] = rows[row] as Float64Array;
  }
  return answers;
};
