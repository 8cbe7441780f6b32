import { percentile } from '../statistics.ts';
import type { Embedder } from './embedder.ts';

/** What one sample of a load showed. */
export interface LoadResult {
  readonly sentences: number;
  readonly perSecond: number;
  /** From question to answer, ms. */
  readonly p50: number;
  readonly p99: number;
}

const resultOf = (latencies: readonly number[], wallMs: number): LoadResult => ({
  sentences: latencies.length,
  perSecond: (latencies.length / wallMs) * 1000,
  p50: percentile(latencies, 50),
  p99: percentile(latencies, 99),
});

/** So many callers at a time, each of whom asks for one sentence after the other. */
export const runCallers = async (
  { embed }: Embedder,
  sentences: readonly string[],
  callers: number,
): Promise<LoadResult> => {
  const latencies: number[] = [];
  let next = 0;
  const began = performance.now();
  const caller = async (): Promise<void> => {
    for (let sentence = sentences[next++]; sentence !== undefined; sentence = sentences[next++]) {
      const asked = performance.now();
      await embed([sentence]);
      latencies.push(performance.now() - asked);
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return resultOf(latencies, performance.now() - began);
};

/** A loop over batches of so many sentences. */
export const runBatches = async (
  { embed }: Embedder,
  sentences: readonly string[],
  size: number,
): Promise<LoadResult> => {
  const latencies: number[] = [];
  const began = performance.now();
  for (let from = 0; from < sentences.length; from += size) {
    const batch = sentences.slice(from, from + size);
    const asked = performance.now();
    await embed(batch);
    const ms = performance.now() - asked;
    for (const _ of batch) latencies.push(ms);
  }
  return resultOf(latencies, performance.now() - began);
};
