import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { streamOnce, type StreamOutcome } from './stream-client.ts';

const chunk = (delta: object, rest: object = {}): string =>
  `data: ${JSON.stringify({ choices: [{ delta, finish_reason: null, ...rest }] })}\n\n`;
const ONE_TWO = chunk({ content: 'one ' }) + chunk({ content: 'two' });

/** What the client makes of such an answer. */
const outcomeOf = async (status: number, body: string): Promise<StreamOutcome> => {
  const server = createServer((_request, response) => {
    response.writeHead(status).end(body);
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return streamOnce({ url, model: 'm', prompt: 'p', maxTokens: 8, signal: AbortSignal.timeout(10_000) });
};

it('reads a whole answer', async () => {
  const usage = `data: ${JSON.stringify({ choices: [], usage: { completion_tokens: 2 } })}\n\n`;
  const body = `${ONE_TWO}${chunk({}, { finish_reason: 'stop' })}${usage}data: [DONE]\n\n`;
  expect(await outcomeOf(200, body)).toEqual({ text: 'one two', tokens: 2, finish: 'stop', failure: undefined });
});

it('takes no cut stream for a whole answer', async () => {
  expect(await outcomeOf(200, ONE_TWO)).toMatchObject({ text: 'one two', failure: { code: 'cut' } });
});

it.each([
  ['in the stream', 200, `${ONE_TWO}data: ${JSON.stringify({ error: { code: 'engine_crashed', message: 'x' } })}\n\n`],
  ['in place of it', 503, JSON.stringify({ error: { code: 'engine_crashed', message: 'x' } })],
])('keeps the code of a failure %s', async (_where, status, body) => {
  expect(await outcomeOf(status, body)).toMatchObject({ failure: { code: 'engine_crashed', message: 'x' } });
});
