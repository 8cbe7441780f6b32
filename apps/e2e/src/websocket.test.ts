import { spawn } from 'node:child_process';
import { once, setMaxListeners } from 'node:events';
import { golekTiny } from '@golek/model-tiny';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GOLDEN, openaiMessages, type GoldenCase } from './golden.fixture.ts';
import { serve, untilReady, type GolekServer } from './golek-server.fixture.ts';

interface Message {
  readonly type: string;
  readonly id?: string;
  readonly text?: string;
  readonly code?: string;
  readonly tool_call?: { readonly name?: string; readonly arguments: string };
  readonly usage?: { readonly prompt_tokens: number };
}

const addressOf = ({ url }: GolekServer): string => `${url.replace(/^http/, 'ws')}/v1/ws`;

/** Node's own client. */
const open = async (server: GolekServer): Promise<WebSocket> => {
  const ws = new WebSocket(addressOf(server), ['golek.v1']);
  // Each answer listens for itself.
  setMaxListeners(100, ws);
  await new Promise<void>((resolve, reject) => {
    ws.onopen = () => resolve();
    ws.onerror = () => reject(new Error('the socket failed'));
  });
  return ws;
};

const start = (ws: WebSocket, id: string, task: string, request: object): void =>
  ws.send(JSON.stringify({ type: 'start', id, task, request }));

/** Every message about a request, the last one included. */
const answer = (ws: WebSocket, id: string): Promise<Message[]> =>
  new Promise((resolve, reject) => {
    const messages: Message[] = [];
    const read = ({ data }: MessageEvent): void => {
      const message = JSON.parse(String(data)) as Message;
      if (message.id !== id) return;
      messages.push(message);
      if (message.type !== 'finished' && message.type !== 'error') return;
      ws.removeEventListener('message', read);
      resolve(messages);
    };
    ws.addEventListener('message', read);
    ws.addEventListener('close', () => reject(new Error(`closed within '${id}'`)));
  });

const textOf = (messages: readonly Message[]): string => messages.map(({ text = '' }) => text).join('');

const bodyOf = (golden: GoldenCase): object => ({
  model: golekTiny.name,
  temperature: 0,
  ...(golden.prompt === undefined
    ? { messages: openaiMessages(golden), ...(golden.tools && { tools: golden.tools }) }
    : { prompt: golden.prompt, max_tokens: 200 }),
});

const story = {
  model: golekTiny.name,
  temperature: 0,
  messages: [{ role: 'user', content: 'Tell me a story about a fox named Pip and a red kite.' }],
};

describe('answers', () => {
  let server: GolekServer;
  beforeAll(async () => {
    server = await serve();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  it('are the golden ones and those of HTTP, all side by side on one socket', { timeout: 60_000 }, async () => {
    const ws = await open(server);
    const plain = GOLDEN.filter(({ name }) => name !== 'tool_call');
    const answers = await Promise.all(
      plain.map((golden) => {
        const whole = answer(ws, golden.name);
        start(ws, golden.name, golden.prompt === undefined ? 'chat' : 'complete', bodyOf(golden));
        return whole;
      }),
    );
    for (const [index, golden] of plain.entries()) {
      const messages = answers[index] ?? [];
      expect(messages.at(-1)).toMatchObject({ type: 'finished', usage: { prompt_tokens: golden.promptTokens.length } });
      if (golden.stableTokens === golden.tokens.length) expect(textOf(messages)).toBe(golden.text);
      // Alone, as the other was not: a batch of others may decide near ties.
      start(ws, 'alone', golden.prompt === undefined ? 'chat' : 'complete', bodyOf(golden));
      const alone = textOf(await answer(ws, 'alone'));
      const response = await fetch(`${server.url}/v1/${golden.prompt === undefined ? 'chat/' : ''}completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(bodyOf(golden)),
      });
      const { choices } = (await response.json()) as { choices: { text?: string; message?: { content: string } }[] };
      expect(alone).toBe(choices[0]?.message?.content ?? choices[0]?.text);
    }
    ws.close();
  });

  it('call tools, and go on with their results', { timeout: 60_000 }, async () => {
    const golden = GOLDEN.find(({ name }) => name === 'tool_call') as GoldenCase;
    const ws = await open(server);
    start(ws, 'a', 'chat', bodyOf(golden));
    const messages = await answer(ws, 'a');
    expect(messages.at(-1)).toMatchObject({ choices: [{ finish_reason: 'tool_calls' }], awaits_tool_results: true });
    const pieces = messages.flatMap(({ tool_call: call }) => call ?? []) as {
      id?: string;
      name?: string;
      arguments: string;
    }[];
    expect([pieces[0]?.name, pieces.map((piece) => piece.arguments).join('')]).toEqual([
      'get_weather',
      '{"city": "Paris"}',
    ]);
    ws.send(
      JSON.stringify({
        type: 'tool_result',
        id: 'a',
        results: [{ tool_call_id: pieces[0]?.id, content: '{"temperature": 21}' }],
        tool_choice: 'none',
      }),
    );
    const next = await answer(ws, 'a');
    expect(next.at(-1)).toMatchObject({ type: 'finished' });
    expect(textOf(next)).not.toBe('');
    ws.close();
  });

  it('end when the client is killed', { timeout: 60_000 }, async () => {
    const program = `
      const ws = new WebSocket(${JSON.stringify(addressOf(server))}, ['golek.v1']);
      ws.onopen = () => ws.send(${JSON.stringify(JSON.stringify({ type: 'start', id: 'a', task: 'chat', request: { ...story, n: 16, ignore_eos: true } }))});
      ws.onmessage = () => console.log('a message');
    `;
    const client = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(client.stdout, 'data');
    const inFlight = async (): Promise<number> =>
      ((await (await fetch(`${server.url}/health/ready`)).json()) as { inFlight: number }).inFlight;
    expect(await inFlight()).toBe(1);
    client.kill('SIGKILL');
    await expect.poll(inFlight, { timeout: 10_000 }).toBe(0);
  });
});

describe('SIGTERM', () => {
  it('lets a request finish, refuses others, closes with 1001, and exits with 0', { timeout: 60_000 }, async () => {
    await using server = await serve();
    await untilReady(server.url);
    const ws = await open(server);
    const closed = new Promise<number>((resolve) => ws.addEventListener('close', ({ code }) => resolve(code)));
    const begun = new Promise((resolve) => ws.addEventListener('message', resolve, { once: true }));
    const whole = answer(ws, 'a');
    start(ws, 'a', 'chat', { ...story, n: 8 });
    await begun;
    server.process.kill('SIGTERM');
    expect((await whole).at(-1)).toMatchObject({ type: 'finished' });
    expect(await closed).toBe(1001);
    expect(await server.exited).toEqual({ code: 0, signal: null });
  });

  it('ends what outlasts the grace time, and says so', { timeout: 60_000 }, async () => {
    await using server = await serve({ args: ['--grace', '0.05'] });
    await untilReady(server.url);
    const ws = await open(server);
    const begun = new Promise((resolve) => ws.addEventListener('message', resolve, { once: true }));
    const whole = answer(ws, 'a');
    start(ws, 'a', 'chat', { ...story, n: 16, ignore_eos: true });
    await begun;
    server.process.kill('SIGTERM');
    expect((await whole).at(-1)).toMatchObject({ type: 'error', code: 'shutting_down' });
    expect(await server.exited).toEqual({ code: 0, signal: null });
  });
});
