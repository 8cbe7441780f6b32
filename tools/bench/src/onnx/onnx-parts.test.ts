import { describe, expect, it } from 'vitest';
import { ArgumentError } from '../serving/serving-options.ts';
import { runBatches, runCallers } from './embed-load.ts';
import { meanRows, toUnitLength, type Embedder } from './embedder.ts';
import { readOnnxArgs } from './onnx-options.ts';
import { mixedSentences } from './sentences.ts';

/** Notes what is asked for, and how much of it at a time. */
class NotingEmbedder implements Embedder {
  readonly asked: string[] = [];
  most = 0;
  #now = 0;

  readonly embed = async (texts: readonly string[]): Promise<readonly Float32Array[]> => {
    this.asked.push(...texts);
    this.most = Math.max(this.most, ++this.#now);
    await new Promise((resolve) => setImmediate(resolve));
    this.#now--;
    return texts.map(() => new Float32Array(1));
  };

  async [Symbol.asyncDispose](): Promise<void> {}
}

describe('mixedSentences', () => {
  it('are always the same ones, none twice, short and long', () => {
    const sentences = mixedSentences(1_000);
    expect(sentences).toEqual(mixedSentences(1_000));
    expect(new Set(sentences).size).toBe(1_000);
    const words = sentences.map((sentence) => sentence.split(' ').length);
    expect([Math.min(...words), Math.max(...words)]).toEqual([3, 64]);
  });
});

describe('a load', () => {
  const sentences = mixedSentences(25);

  it('asks for each sentence once, as many at a time as there are callers', async () => {
    const embedder = new NotingEmbedder();
    const result = await runCallers(embedder, sentences, 8);
    expect(embedder.asked.toSorted()).toEqual(sentences.toSorted());
    expect(embedder.most).toBe(8);
    expect(result.sentences).toBe(25);
    expect(result.p99).toBeGreaterThanOrEqual(result.p50);
  });

  it('runs batches one after the other', async () => {
    const embedder = new NotingEmbedder();
    expect((await runBatches(embedder, sentences, 10)).sentences).toBe(25);
    expect(embedder.asked).toEqual(sentences);
    expect(embedder.most).toBe(1);
  });
});

describe('vectors', () => {
  it('are means of the tokens without padding', () => {
    const values = Float32Array.of(1, 2, 3, 4, 9, 9, 5, 6, 7, 8, 9, 10);
    expect(meanRows(values, 2, [2, 3])).toEqual([Float32Array.of(2, 3), Float32Array.of(7, 8)]);
  });

  it('have the length 1', () => expect(toUnitLength(Float32Array.of(3, 4))).toEqual(Float32Array.of(0.6, 0.8)));
});

describe('arguments', () => {
  it('have defaults', () => {
    const { callers, sentences, sides, rounds, maxRounds } = readOnnxArgs([]);
    expect({ callers, sentences, rounds, maxRounds }).toEqual({
      callers: [1, 8, 64],
      sentences: 1_000,
      rounds: 5,
      maxRounds: 15,
    });
    expect(sides).toContain('transformers');
  });

  it.each([
    [['--model', 'none.onnx'], "there is no file 'none.onnx'"],
    [['--sides', 'golek;nobody'], "there is no side 'nobody'"],
    [['--callers', '1,x'], "--callers takes a whole number from 1, got 'x'"],
  ])('%j is refused', (args, message) => {
    expect(() => readOnnxArgs(args)).toThrow(ArgumentError);
    expect(() => readOnnxArgs(args)).toThrow(message);
  });
});
