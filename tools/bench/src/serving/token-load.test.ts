import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { Contender } from './contender.ts';
import { PromptMaker } from './prompts.ts';
import { answerTime, runLoad } from './token-load.ts';

const TOKENS = 5;
const EVERY_MS = 10;

let close: (() => void) | undefined;
afterEach(() => close?.());

/** A server that gives a token every ten milliseconds, however many it answers, and keeps when requests came. It refuses the one of that number. */
const serve = async (refused = Infinity): Promise<{ contender: Contender; cameAt: number[]; open: () => number }> => {
  const cameAt: number[] = [];
  let running = 0;
  const answer = async (response: ServerResponse): Promise<void> => {
    running += 1;
    response.once('close', () => (running -= 1));
    response.statusCode = cameAt.length === refused ? 503 : 200;
    for (let token = 0; token < TOKENS && !response.destroyed; token += 1) {
      await sleep(EVERY_MS);
      response.write('data: {"choices":[{"text":"a","finish_reason":null}]}\n\n');
    }
    const usage = { prompt_tokens: 4, completion_tokens: TOKENS };
    response.end(`data: ${JSON.stringify({ choices: [], usage })}\n\ndata: [DONE]\n\n`);
  };
  const server = createServer((request, response) => {
    request.resume().once('end', () => {
      cameAt.push(performance.now());
      void answer(response);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  close = () => server.closeAllConnections() ?? server.close();
  const { port } = server.address() as AddressInfo;
  const dispose = (): Promise<void> => Promise.resolve();
  const contender = { name: 'fake', port, pids: () => [], extra: {}, [Symbol.asyncDispose]: dispose };
  return { contender, cameAt, open: () => running };
};

const prompts = new PromptMaker(1000, 10);
const LOAD = { streams: 3, requests: 2, promptTokens: 4, tokens: TOKENS };

describe('a load', () => {
  it('of streams that start together shares its requests', async () => {
    const { contender, cameAt } = await serve();
    const result = await runLoad(contender, prompts, LOAD);
    expect(cameAt).toHaveLength(6);
    expect(result).toMatchObject({ tokens: 6 * TOKENS });
    expect(result.gaps).toHaveLength(6 * (TOKENS - 1));
  });

  it('of streams that start one after the other goes on until the last one has its answers, and counts that time', async () => {
    const { contender, cameAt } = await serve();
    const result = await runLoad(contender, prompts, { ...LOAD, answerMs: 600 });
    // The first stream is alone for 200 ms; in 400 ms, when the last one starts, there were several answers already.
    const from = cameAt[0]!;
    const early = cameAt.filter((at) => at - from < 390);
    expect(early.length).toBeGreaterThan(3);
    expect(result.tokens).toBe(cameAt.length * TOKENS);
    // Two answers of at least five times ten milliseconds, far from all of the time.
    expect(result.measuredMs).toBeGreaterThan(2 * TOKENS * EVERY_MS * 0.9);
    expect(result.measuredMs).toBeLessThan(cameAt.at(-1)! - from);
    expect((result.tokensPerSecond * result.measuredMs) / 1000).toBeLessThan(result.tokens);
  });

  it('that fails says of whom and why, and leaves no stream behind', async () => {
    const { contender, cameAt, open } = await serve(2);
    await expect(runLoad(contender, prompts, { ...LOAD, answerMs: 60 })).rejects.toThrow('fake: status 503');
    const came = cameAt.length;
    await expect.poll(open).toBe(0);
    await sleep(100);
    expect(cameAt).toHaveLength(came);
  });

  it('tells the time of one answer among all', async () => {
    const { contender, cameAt } = await serve();
    expect(await answerTime(contender, prompts, LOAD)).toBeGreaterThan(TOKENS * EVERY_MS * 0.9);
    expect(cameAt).toHaveLength(6);
  });
});
