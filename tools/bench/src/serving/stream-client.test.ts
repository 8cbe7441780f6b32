import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { firstTokenMs, gapsMs, streamOnce, StreamFailure, type StreamRecord } from './stream-client.ts';
import { checkedRecord, summarise, summariseStaggered } from './token-load.ts';

let close: (() => void) | undefined;
afterEach(() => close?.());

/** A server that answers each request with the given pieces, one for each turn of the event loop. */
const serve = async (pieces: readonly string[], status = 200): Promise<number> => {
  const answer = async (response: ServerResponse): Promise<void> => {
    response.writeHead(status);
    for (const piece of pieces) {
      response.write(piece);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    response.end();
  };
  const server = createServer((request, response) => {
    request.resume().once('end', () => void answer(response));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  close = () => server.closeAllConnections() ?? server.close();
  return (server.address() as AddressInfo).port;
};

const chunk = (text: string, finish: string | null = null): string =>
  `data: ${JSON.stringify({ choices: [{ text, finish_reason: finish }] })}\n\n`;
const USAGE = `data: ${JSON.stringify({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 2, prompt_tokens_details: { cached_tokens: 1 } } })}\n\n`;

describe('a stream', () => {
  it('is timed by its chunks with text, wherever the network cuts it', async () => {
    const whole = chunk('a') + chunk('') + chunk('b', 'length') + USAGE + 'data: [DONE]\n\n';
    const port = await serve([whole.slice(0, 20), whole.slice(20, 130), whole.slice(130)]);
    const counts: number[] = [];
    const record = await streamOnce({ port, body: {}, onChunk: (count) => counts.push(count) });
    expect(record).toMatchObject({ promptTokens: 3, completionTokens: 2, cachedTokens: 1, finish: 'length' });
    expect(record.chunksAt).toHaveLength(2);
    expect(counts).toEqual([1, 2]);
    expect(firstTokenMs(record)).toBeGreaterThan(0);
  });
  it('of chat chunks too', async () => {
    const port = await serve([`data: {"choices":[{"delta":{"content":"x"}}]}\n\n`, USAGE, 'data: [DONE]\n\n']);
    expect((await streamOnce({ port, body: {} })).chunksAt).toHaveLength(1);
  });
  it('that is refused says with what', async () => {
    const port = await serve(['{"error":{"code":"overloaded"}}'], 429);
    const error = await streamOnce({ port, body: {} }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(StreamFailure);
    expect(error).toMatchObject({ status: 429, body: '{"error":{"code":"overloaded"}}' });
  });
  it.each([
    ['cut off', [chunk('a')], 'ended without its usage'],
    ['ended by an error', [chunk('a'), 'data: {"error":{"code":"engine_crashed"}}\n\n'], 'engine_crashed'],
  ])('that is %s is no success', async (_, pieces, message) => {
    const port = await serve(pieces);
    await expect(streamOnce({ port, body: {} })).rejects.toThrow(message);
  });
  it('ends with its signal', async () => {
    const port = await serve([chunk('a'), ...Array.from({ length: 1000 }, () => chunk('b'))]);
    const abort = new AbortController();
    const stream = streamOnce({ port, body: {}, signal: abort.signal, onChunk: () => abort.abort() });
    await expect(stream).rejects.toMatchObject({ name: 'AbortError' });
  });
});

const record = (startedAt: number, chunksAt: number[], completionTokens = chunksAt.length): StreamRecord => ({
  startedAt,
  endedAt: chunksAt.at(-1) ?? startedAt,
  chunksAt,
  promptTokens: 4,
  cachedTokens: 0,
  completionTokens,
  finish: 'length',
});

describe('a load', () => {
  it('is summed up over its streams', () => {
    const records = [record(0, [10, 12, 16]), record(0, [30, 31, 32])];
    expect(gapsMs(records[0]!)).toEqual([2, 4]);
    expect(summarise(records, 1000)).toEqual({
      tokens: 6,
      measuredMs: 1000,
      tokensPerSecond: 6,
      firstTokenP50: 10,
      firstTokenP95: 30,
      gapP50: 1,
      gapP95: 4,
      gapP99: 4,
      gaps: [2, 4, 1, 1],
    });
  });
  it('whose streams start one after the other counts while all of them are at work', () => {
    const streams = [
      [record(0, [10, 20, 30]), record(30, [60, 65, 70])],
      [record(20, [25, 32, 40]), record(40, [100, 110, 120])],
    ];
    // From 20, when the second stream starts, to 70, when the first one ends: 1 + 3 + 3 tokens.
    expect(summariseStaggered(streams)).toEqual({
      tokens: 12,
      measuredMs: 50,
      tokensPerSecond: 140,
      firstTokenP50: 30,
      firstTokenP95: 60,
      gapP50: 7,
      gapP95: 10,
      gapP99: 10,
      gaps: [10, 5, 5, 7, 8],
    });
  });
  it('in which a side did less is refused', () => {
    const load = { streams: 1, requests: 1, promptTokens: 4, tokens: 3 };
    expect(checkedRecord(record(0, [1, 2, 3]), load, 'x')).toBeDefined();
    expect(() => checkedRecord(record(0, [1, 2]), load, 'x')).toThrow('x counts 4 + 2 tokens instead of 4 + 3');
  });
});
