import { connect } from 'node:net';
import { golekTiny } from '@golek/model-tiny';
import { ERROR_CODES } from '@golek/api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { residentMiB, serve, untilReady, type GolekServer } from './golek-server.fixture.ts';

interface Malformed {
  readonly what: string;
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
}

const CHAT = '/v1/chat/completions';
const user = [{ role: 'user', content: 'Hello!' }];
const chat = { model: golekTiny.name, messages: user, max_tokens: 1 };
const completion = { model: golekTiny.name, prompt: 'Once', max_tokens: 1 };
const embedding = { model: golekTiny.name, input: 'Once' };

const json = (what: string, path: string, value: unknown): Malformed => ({ what, path, body: JSON.stringify(value) });

/** Values that are wrong for every field they are put in. */
const WRONG: readonly unknown[] = [[], {}, true, 'x'.repeat(300), -1, 1e308, null, [null], [[[]]], { a: { b: 1 } }];
const FIELDS: readonly (readonly [string, readonly string[], Record<string, unknown>])[] = [
  [
    CHAT,
    [
      'model',
      'messages',
      'temperature',
      'top_p',
      'n',
      'stop',
      'max_tokens',
      'seed',
      'tools',
      'tool_choice',
      'response_format',
      'stream_options',
      'logit_bias',
      'top_logprobs',
    ],
    chat,
  ],
  ['/v1/completions', ['model', 'prompt', 'temperature', 'n', 'logprobs'], completion],
  ['/v1/embeddings', ['model', 'input', 'dimensions', 'encoding_format'], embedding],
];
/** What is right after all: OpenAI takes null for an absent optional field, negative seeds, LM Studio's clients -1 for no limit, and a string or an empty list where lists or objects may be given. */
const RIGHT = new Set([
  'model"x',
  'stop"x',
  'stop[]',
  'prompt"x',
  'input"x',
  'tools[]',
  'logit_bias{}',
  'stream_options{}',
  'prompt[]',
  'seed-1',
  'max_tokens-1',
]);
const isRight = (field: string, value: unknown): boolean =>
  value === null || RIGHT.has(`${field}${typeof value === 'string' ? '"x' : JSON.stringify(value)}`);

const cases: Malformed[] = [
  ...FIELDS.flatMap(([path, fields, base]) =>
    fields.flatMap((field) =>
      WRONG.filter((value) => !isRight(field, value)).map((value) =>
        json(`${path} with ${field} = ${JSON.stringify(value).slice(0, 30)}`, path, { ...base, [field]: value }),
      ),
    ),
  ),
  ...['max_token', 'temprature', 'Model', 'topP', '__proto__x', 'constructor', 'a.b'].map((key) =>
    json(`unknown key ${key}`, CHAT, { ...chat, [key]: 1 }),
  ),
  {
    what: 'a prototype key',
    path: CHAT,
    body: `{"__proto__":{"admin":true},"model":"${golekTiny.name}","messages":[]}`,
  },
  { what: 'an unknown model', path: CHAT, body: JSON.stringify({ ...chat, model: 'no-such-model' }) },
  { what: 'no body', path: CHAT },
  { what: 'an empty body', path: CHAT, body: '' },
  { what: 'half of a body', path: CHAT, body: '{"model":' },
  { what: 'trailing rubbish', path: CHAT, body: `${JSON.stringify(chat)}x` },
  { what: 'a number', path: CHAT, body: '7' },
  { what: 'a list', path: CHAT, body: '[]' },
  {
    what: 'invalid UTF-8',
    path: CHAT,
    body: Uint8Array.from([...Buffer.from('{"model":"'), 0xff, 0xfe, ...Buffer.from('"}')]),
  },
  {
    what: 'an overlong UTF-8 sequence',
    path: CHAT,
    body: Uint8Array.from([...Buffer.from('{"model":"'), 0xc0, 0xaf, ...Buffer.from('"}')]),
  },
  { what: '100,000 open brackets', path: CHAT, body: '['.repeat(100_000) },
  { what: '50,000 nested objects', path: CHAT, body: `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}` },
  { what: 'a body of 40 MB', path: CHAT, body: JSON.stringify({ ...chat, user: 'x'.repeat(40_000_000) }) },
  { what: 'a wrong content type', path: CHAT, headers: { 'content-type': 'text/xml' }, body: '<a/>' },
  { what: 'an unknown route', path: '/v1/chat/completion', body: JSON.stringify(chat) },
  { what: 'a wrong method', path: CHAT, method: 'DELETE' },
  { what: 'a malformed escape in the path', path: '/v1/models/%E0%A4%A', method: 'GET' },
  { what: 'a climbing path', path: '/v1/models/..%2f..%2fetc%2fpasswd', method: 'GET' },
  json('negative tokens', '/detokenize', { tokens: [-1] }),
  json('a token outside the vocabulary', '/detokenize', { tokens: [4_000_000_000] }),
  json('a prompt of tokens outside the vocabulary', '/v1/completions', { ...completion, prompt: [99_999_999] }),
  json('content that is no text', '/tokenize', { content: 5 }),
  json('a schema that cannot be enforced', CHAT, {
    ...chat,
    response_format: {
      type: 'json_schema',
      json_schema: { name: 'x', schema: { type: 'object', patternProperties: { a: {} } } },
    },
  }),
  json('a schema without end', CHAT, {
    ...chat,
    response_format: { type: 'json_schema', json_schema: { name: 'x', schema: { $ref: '#' } } },
  }),
  json('a broken grammar', CHAT, { ...chat, grammar: 'root ::= (' }),
  json('a tool answer to nothing', CHAT, {
    ...chat,
    messages: [...user, { role: 'tool', tool_call_id: 'x', content: 'y' }],
  }),
  json('a prompt longer than the context', CHAT, {
    ...chat,
    messages: [{ role: 'user', content: 'word '.repeat(20_000) }],
  }),
];

let server: GolekServer;
beforeAll(async () => {
  server = await serve();
  await untilReady(server.url);
});
afterAll(() => server[Symbol.asyncDispose]());

const send = ({
  path,
  method = 'POST',
  headers = { 'content-type': 'application/json' },
  body,
}: Malformed): Promise<Response> =>
  fetch(`${server.url}${path}`, {
    method,
    headers,
    ...(body !== undefined && { body }),
    signal: AbortSignal.timeout(20_000),
  });

const stillAnswers = async (): Promise<void> => {
  const response = await send(json('', CHAT, { ...chat, temperature: 0, max_tokens: 20 }));
  expect(await response.json()).toMatchObject({ choices: [{ message: { content: 'Hello! How can I help you?' } }] });
};

describe('malformed requests', () => {
  it('are at least 200', () => expect(cases.length).toBeGreaterThanOrEqual(200));

  it.each(cases)('$what: a clear 4xx', async (malformed) => {
    const response = await send(malformed).catch((error: unknown) => error as Error);
    // The server may close the connection under a body that is too large before all of it is sent.
    if (response instanceof Error) {
      expect(malformed.what).toBe('a body of 40 MB');
      return;
    }
    const body = (await response.json()) as { error: { message: string; code: (typeof ERROR_CODES)[number] } };
    expect(response.status, JSON.stringify(body)).toBeGreaterThanOrEqual(400);
    expect(response.status, JSON.stringify(body)).toBeLessThan(500);
    expect(ERROR_CODES).toContain(body.error.code);
    expect(body.error.message.length).toBeGreaterThan(10);
    expect(body.error.message.length).toBeLessThan(1000);
  });

  it.each([
    'GARBAGE\r\n\r\n',
    'GET / HTTP/1.1\r\n\r\n\r\n',
    'POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: -5\r\n\r\n',
    `GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`,
    '\0\0\0\0',
    'POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ncontent-length: 3\r\n\r\nZZ\r\n',
  ])('bytes that are no HTTP (%#) are answered with a 4xx or closed', async (bytes) => {
    const { hostname, port } = new URL(server.url);
    const answer = await new Promise<string>((resolve) => {
      let text = '';
      const socket = connect(Number(port), hostname, () => socket.write(bytes));
      socket.setTimeout(3000, () => socket.destroy());
      socket.on('data', (part) => (text += part.toString('latin1')));
      socket.on('error', () => undefined);
      socket.on('close', () => resolve(text));
    });
    if (answer !== '') expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
  });

  it('leave the server alive, answering, and its memory flat', { timeout: 120_000 }, async () => {
    await stillAnswers();
    const small = cases.filter(({ body }) => (body?.length ?? 0) < 1_000_000);
    const round = async (): Promise<number> => {
      for (const malformed of small) await (await send(malformed)).arrayBuffer();
      return residentMiB(server.pid);
    };
    await round();
    const before = await round();
    for (let index = 0; index < 5; index += 1) await round();
    const after = residentMiB(server.pid);
    // 1,000 further requests; the heap breathes by some MiB between collections.
    expect(after - before).toBeLessThan(40);
    await stillAnswers();
    expect(server.process.exitCode).toBeNull();
  });
});
