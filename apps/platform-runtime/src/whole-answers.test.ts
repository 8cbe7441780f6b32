import { startFaultyUpstream, type FaultyUpstream } from '@golek/faulty-upstream';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { golek as runCli } from './cli/spawn-cli.fixture.ts';
import { OPENAI } from './pairs/openai.fixture.ts';
import { post, type AskText } from './pairs/protocol.fixture.ts';
import { PROTOCOLS } from './pairs/protocols.fixture.ts';
import { startGolek, type RunningGolek } from './running-golek.fixture.ts';

const PROMPT = 'one two three';

let upstream: FaultyUpstream;
let golek: RunningGolek;
let upstreams: readonly object[];
let list: readonly object[];

beforeAll(async () => {
  upstream = await startFaultyUpstream({ models: { ok: { kind: 'ok' }, hangs: { kind: 'stall', at: 2 } } });
  const root = new URL(upstream.url).origin;
  const types = { openai: `${root}/v1`, anthropic: `${root}/v1`, gemini: `${root}/v1beta`, ollama: root };
  upstreams = Object.entries(types).map(([type, baseUrl]) => ({ id: type, type, baseUrl }));
  list = [
    ...Object.keys(types).map((provider) => ({ name: provider, provider, model: 'ok' })),
    { name: 'hangs', provider: 'openai', model: 'hangs' },
  ];
  golek = await startGolek({ upstreams, models: { bundled: false, list } });
}, 60_000);

afterAll(async () => {
  await golek[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

beforeEach(() => upstream.forget());

/** Whether each request to the upstream was one for a stream. */
const streamed = (): boolean[] =>
  upstream.calls.map(({ path, body }) =>
    path.startsWith('/api/')
      ? (body as { stream?: boolean }).stream !== false
      : path.includes(':stream') || (body as { stream?: boolean }).stream === true,
  );

const ENTRANCES = PROTOCOLS.flatMap(({ name, chat, text }) =>
  [chat, text].flatMap((ask, index) =>
    typeof ask === 'string' ? [] : [[name, index === 0 ? 'a chat' : 'a text', ask] as const],
  ),
);

describe.each(ENTRANCES)('%s: %s', (protocol, _, ask) => {
  // Answers on a socket come in pieces.
  test.each([
    ['asked for whole is asked for whole', false, protocol === 'WebSocket'],
    ['asked for as a stream is asked for as a stream', true, true],
  ])('%s', async (_name, stream, expected) => {
    expect((await ask(golek, 'openai', PROMPT, stream)).join('')).toBe(PROMPT);
    expect(streamed()).toEqual([expected]);
  });
});

test.each(['openai', 'anthropic', 'gemini', 'ollama'])('a service of the type %s is asked for both', async (model) => {
  const chat = OPENAI.chat as AskText;
  for (const stream of [false, true]) expect((await chat(golek, model, PROMPT, stream)).join('')).toBe(PROMPT);
  expect(streamed()).toEqual([false, true]);
});

test('a tool of MCP asks for a whole answer, unless somebody wants to hear of its progress', async () => {
  const transport = new StreamableHTTPClientTransport(new URL('/mcp', golek.url));
  const client = new Client({ name: 'test', version: '1.0.0' });
  await client.connect(transport);
  try {
    const call = { name: 'chat', arguments: { model: 'openai', prompt: PROMPT } };
    const told: (string | undefined)[] = [];
    const plain = await client.callTool(call);
    const watched = await client.callTool(call, { onprogress: ({ message }) => told.push(message) });
    for (const { structuredContent } of [plain, watched]) expect(structuredContent).toMatchObject({ text: PROMPT });
    expect(told.join('')).toBe(PROMPT);
    expect(streamed()).toEqual([false, true]);
  } finally {
    await client.close();
  }
});

describe('a response in the background', () => {
  const begin = async (model: string): Promise<string> => {
    const begun = await post(golek, '/v1/responses', { model, input: PROMPT, background: true });
    return (JSON.parse(begun) as { id: string }).id;
  };
  const now = async (id: string): Promise<unknown> => (await fetch(`${golek.url}/v1/responses/${id}`)).json();

  test('is streamed from the service', async () => {
    const id = await begin('openai');
    await expect.poll(() => now(id)).toMatchObject({ status: 'completed' });
    expect(streamed()).toEqual([true]);
  });

  test('so that what it has made is there before its end, and after a cancel', async () => {
    const id = await begin('hangs');
    const part = { output: [{ content: [{ text: 'one ' }] }] };
    await expect.poll(() => now(id)).toMatchObject({ status: 'in_progress', ...part });
    await post(golek, `/v1/responses/${id}/cancel`, {});
    expect(await now(id)).toMatchObject({ status: 'cancelled', ...part });
    await expect.poll(() => upstream.calls[0]?.state).toBe('abandoned');
  });
});

test.each([
  ['', true],
  ['--no-stream', false],
])('golek run %s', { timeout: 60_000 }, async (flag, expected) => {
  const environment = { GOLEK_UPSTREAMS: JSON.stringify(upstreams), GOLEK_MODELS_LIST: JSON.stringify(list) };
  const args = ['run', '--model', 'openai', ...(flag === '' ? [] : [flag]), PROMPT];
  expect(await runCli(args, '', environment)).toMatchObject({ code: 0, out: `${PROMPT}\n` });
  expect(streamed()).toEqual([expected]);
});
