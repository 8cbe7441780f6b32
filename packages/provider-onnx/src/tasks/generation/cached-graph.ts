import { GolekError } from '@golek/providers-spi';
import type { OnnxGraph, OnnxTensor, TensorPort } from '../../graph.ts';
import { floatsOf } from '../float-output.ts';
import { integers, type TextPorts } from '../text-ports.ts';

const PAST = /^past_key_values\./;

/** A cache input and the output that it takes in the next step. */
interface CachePort {
  readonly past: TensorPort;
  readonly present: string;
}

/** What a decoder takes beside tokens. */
export interface DecoderPorts {
  readonly caches: readonly CachePort[];
  /** For how many of the last tokens logits are given, where the graph asks. */
  readonly keep: TensorPort | undefined;
}

const KEEP = ['num_logits_to_keep', 'logits_to_keep'];

/** Undefined where the graph takes anything else beside tokens, has no cache, or does not give each cache back. */
export const decoderPorts = ({ others, mask }: TextPorts, outputs: readonly TensorPort[]): DecoderPorts | undefined => {
  const keep = others.find(({ name, type, dims }) => KEEP.includes(name) && type === 'INT64' && dims.length <= 1);
  const caches: CachePort[] = [];
  for (const past of others) {
    if (past === keep) continue;
    const present = ['present.', 'present_key_values.']
      .map((prefix) => past.name.replace(PAST, prefix))
      .find((name) => outputs.some((output) => output.name === name));
    if (!PAST.test(past.name) || present === undefined || emptyShape(past) === undefined) return undefined;
    caches.push({ past, present });
  }
  return mask && caches.length > 0 ? { caches, keep } : undefined;
};

/** One row, no tokens. Undefined where the graph leaves open more than the number of rows and of tokens. */
const emptyShape = ({ dims, anyRank, type }: TensorPort): readonly number[] | undefined => {
  if (anyRank || (type !== 'FP32' && type !== 'FP16')) return undefined;
  const shape = dims.map((dim, index) => (typeof dim === 'number' ? dim : index === 0 ? 1 : 0));
  return shape.filter((size) => size === 0).length === 1 ? shape : undefined;
};

/** What a sequence has been evaluated to. Never changed: several answers can go on from one. */
export interface Evaluated {
  /** Tokens. */
  readonly length: number;
  readonly cache: Readonly<Record<string, OnnxTensor>>;
}

/** A decoder with its cache as inputs and outputs. */
export class CachedGraph {
  readonly #graph: OnnxGraph;
  readonly #ports: TextPorts;
  readonly #decoder: DecoderPorts;
  readonly #logits: string;

  constructor(graph: OnnxGraph, ports: TextPorts, decoder: DecoderPorts, logits: string) {
    this.#graph = graph;
    this.#ports = ports;
    this.#decoder = decoder;
    this.#logits = logits;
  }

  /** Nothing evaluated yet. */
  empty(): Evaluated {
    const cache = Object.fromEntries(
      this.#decoder.caches.map(({ past }) => {
        const data = past.type === 'FP16' ? new Uint16Array(0) : new Float32Array(0);
        return [past.name, { type: past.type, dims: emptyShape(past) ?? [], data }];
      }),
    );
    return { length: 0, cache };
  }

  /** Evaluates the next tokens. */
  async evaluate(before: Evaluated, tokens: readonly number[], signal: AbortSignal): Promise<Evaluated> {
    return (await this.#run(before, tokens, false, signal)).evaluated;
  }

  /** Evaluates the next tokens and gives the logits after the last of them. */
  async predict(
    before: Evaluated,
    tokens: readonly number[],
    signal: AbortSignal,
  ): Promise<{ readonly evaluated: Evaluated; readonly logits: Float32Array | Float64Array }> {
    const { evaluated, outputs } = await this.#run(before, tokens, true, signal);
    const { dims, data } = floatsOf(outputs[this.#logits], this.#logits);
    const size = dims.at(-1) ?? 0;
    return { evaluated, logits: data.subarray(data.length - size) };
  }

  async #run(
    { length, cache }: Evaluated,
    tokens: readonly number[],
    logits: boolean,
    signal: AbortSignal,
  ): Promise<{ evaluated: Evaluated; outputs: Readonly<Record<string, OnnxTensor>> }> {
    const { ids, mask, types, positions } = this.#ports;
    const count = tokens.length;
    const feeds: Record<string, OnnxTensor> = {
      ...cache,
      [ids.name]: integers(ids, Int32Array.from(tokens), [1, count]),
    };
    if (mask) feeds[mask.name] = integers(mask, new Int32Array(length + count).fill(1), [1, length + count]);
    if (types) feeds[types.name] = integers(types, new Int32Array(count), [1, count]);
    if (positions) {
      const places = Int32Array.from({ length: count }, (_, index) => length + index);
      feeds[positions.name] = integers(positions, places, [1, count]);
    }
    const { keep } = this.#decoder;
    if (keep) feeds[keep.name] = integers(keep, Int32Array.of(1), keep.dims.length === 0 ? [] : [1]);
    const wanted = this.#decoder.caches.map(({ present }) => present);
    const outputs = await this.#graph.run(feeds, logits ? [this.#logits, ...wanted] : wanted, signal);
    const next = this.#decoder.caches.map(({ past, present }) => {
      const tensor = outputs[present];
      if (!tensor) throw new GolekError('provider_failed', `the graph gave no output '${present}'`);
      return [past.name, tensor] as const;
    });
    return { evaluated: { length: length + count, cache: Object.fromEntries(next) }, outputs };
  }
}
