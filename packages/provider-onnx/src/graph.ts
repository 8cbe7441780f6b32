import type { NamedTensor } from '@golek/providers-spi';

/** The binding cannot pass BF16. */
export type TensorType = Exclude<NamedTensor['type'], 'BF16'>;

/** A place where a tensor goes into a graph or comes out of it. */
export interface TensorPort {
  readonly name: string;
  readonly type: TensorType;
  /** A number is fixed; a text is the name of a size that is chosen by each request; undefined is any size. */
  readonly dims: readonly (number | string | undefined)[];
  /** The graph does not even say how many dimensions there are; `dims` is empty then. */
  readonly anyRank: boolean;
  /** The graph makes it with a softmax or a sigmoid. */
  readonly isProbability?: boolean;
}

/** Elements in row-major order: BOOL as bytes 0 and 1, FP16 as the bits of IEEE half, BYTES as texts. */
export type OnnxData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | readonly string[];

export interface OnnxTensor {
  readonly type: TensorType;
  readonly dims: readonly number[];
  readonly data: OnnxData;
}

/**
 * A loaded graph.
 *
 * `run` may be called again before it is done: runs take turns, because the binding works on one at a time and holds its thread meanwhile. Feeds are neither changed nor
 * kept. Outputs belong to the caller, and can be fed again without a copy. An abort takes the run out of the queue; one that the engine works on goes on to its end, and its result is dropped.
 * Throws `invalid_request` with the engine's words where the graph cannot work on these values.
 */
export interface OnnxGraph extends AsyncDisposable {
  readonly inputs: readonly TensorPort[];
  readonly outputs: readonly TensorPort[];
  run(
    feeds: Readonly<Record<string, OnnxTensor>>,
    wanted: readonly string[],
    signal: AbortSignal,
  ): Promise<Readonly<Record<string, OnnxTensor>>>;
}
