import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { golekTiny } from '@golek/model-tiny';
import { expect, test } from 'vitest';
import { GOLDEN, openaiMessages } from './golden.fixture.ts';
import { serve, untilReady } from './golek-server.fixture.ts';

/** A client in a process of its own: writes what it receives to its output. */
const CLIENT = `
const [url, body, id] = process.argv.slice(1);
const headers = { 'content-type': 'application/json', 'x-golek-resumable': 'true', 'x-request-id': id };
const response = await fetch(url, { method: 'POST', headers, body });
for await (const part of response.body) process.stdout.write(part);
`;

const golden = GOLDEN.filter(({ turns, tools }) => turns !== undefined && tools === undefined).toSorted(
  (a, b) => b.stableTokens - a.stableTokens,
)[0];

const eventsOf = (text: string): string[] => text.match(/[^]*?\n\n/g)?.filter((one) => !one.startsWith(':')) ?? [];

const textOf = (events: readonly string[]): string =>
  [...events.join('').matchAll(/"delta":\{"content":("(?:[^"\\]|\\.)*")/g)]
    .map(([, json]) => JSON.parse(json ?? '') as string)
    .join('');

test('a client that is killed, and another one that goes on: the golden answer, each event once', async () => {
  if (!golden) throw new Error('the model has no golden chat');
  await using server = await serve();
  await untilReady(server.url);
  const body = JSON.stringify({
    model: golekTiny.name,
    messages: openaiMessages(golden),
    temperature: 0,
    stream: true,
  });
  const url = `${server.url}/v1/chat/completions`;
  const client = spawn(process.execPath, ['--input-type=module', '-e', CLIENT, url, body, 'killed'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let received = '';
  client.stdout.setEncoding('utf8');
  for await (const part of client.stdout as AsyncIterable<string>) {
    received += part;
    if (eventsOf(received).length >= 3) break;
  }
  client.kill('SIGKILL');
  if (client.exitCode === null && client.signalCode === null) await once(client, 'exit');

  const had = eventsOf(received).slice(0, 3);
  const last = { 'last-event-id': 'killed:3' };
  const rest = await fetch(`${server.url}/v1/streams/killed`, { headers: last });
  expect(rest.status).toBe(200);
  const all = [...had, ...eventsOf(await rest.text())];
  expect(all.map((event) => /^id: killed:(\d+)$/m.exec(event)?.[1])).toEqual(all.map((_, index) => String(index + 1)));
  expect(all.at(-1)).toMatch(/data: \[DONE\]\n\n$/);
  expect(textOf(all)).toBe(golden.text);

  // A server that was started anew knows nothing of it, and says what to do.
  await using next = await serve();
  await untilReady(next.url);
  const gone = await fetch(`${next.url}/v1/streams/killed`, { headers: last });
  expect(gone.status).toBe(404);
  expect(await gone.json()).toMatchObject({
    error: {
      code: 'not_found',
      message: expect.stringMatching(/not over a restart of the server; ask anew$/) as string,
    },
  });
});
