import { once } from 'node:events';
import { ErrorBody } from '@golek/protocols/openai';
import { describe, expect, test } from 'vitest';
import { dial, httpPost, readAll, sendRaw } from './raw-exchange.fixture.ts';
import { chat, serve } from './server.fixture.ts';

const CHAT = '/v1/chat/completions';
const deep = (open: string, close: string, levels = 100_000): string => open.repeat(levels) + close.repeat(levels);
const user = (content: unknown): object => ({ messages: [{ role: 'user', content }] });
const tool = (fields: unknown): object => ({ tools: [fields] });

type Case = readonly [name: string, path: string, body: unknown, status: number, code: string, param?: string | null];

const fieldCases: Case[] = (
  [
    ['model', [null, 5, '', 'x'.repeat(300), {}, []]],
    ['messages', [null, 'hi', {}, [], 5, [null], ['hi']]],
    ['temperature', ['1', -1, 101, {}, [], true]],
    ['top_p', [-0.1, 1.1, '0.5', {}]],
    ['top_k', [-2, 1.5, '4', []]],
    ['min_p', [-1, 2, 'x']],
    ['repeat_penalty', [0, -1, 11, 'x']],
    ['frequency_penalty', [-3, 3, 'x']],
    ['presence_penalty', [-3, 3, 'x']],
    ['seed', [1.5, 'x', 2 ** 60, {}]],
    ['n', [0, -1, 17, 1.5, '2', {}]],
    ['max_tokens', [0, -2, 1.5, '5', {}]],
    ['max_completion_tokens', [0, -1, 'x']],
    ['stop', [5, '', {}, Array.from({ length: 17 }, () => 'x')]],
    ['logprobs', [1, 'yes', {}]],
    ['tools', [{}, 'x', 5]],
    ['tool_choice', ['maybe', 5, []]],
    ['parallel_tool_calls', ['yes', 1]],
    ['response_format', ['json', 5]],
    ['grammar', [5, '', {}]],
    ['stream', ['yes', 1, {}]],
    ['stream_options', [5, 'x', []]],
    ['user', [5, 'x'.repeat(513), {}]],
    ['metadata', [5, 'x', []]],
    ['logit_bias', [5, []]],
  ] as const
)
  .flatMap(([key, values]) => values.map((value) => [key, value] as const))
  .map(([key, value]) => {
    const param = Array.isArray(value) && key === 'messages' && value.length > 0 ? 'messages[0]' : key;
    const name = `${key} = ${JSON.stringify(value).slice(0, 30)}`;
    return [name, CHAT, chat({ [key]: value }), 400, 'invalid_request', param] as const;
  });

const cases: Case[] = [
  ...fieldCases,
  ['empty body', CHAT, '', 400, 'invalid_json', null],
  ['white space', CHAT, '  ', 400, 'invalid_json', null],
  ['cut off', CHAT, '{"model":"tiny"', 400, 'invalid_json', null],
  ['trailing comma', CHAT, '{"model":"tiny",}', 400, 'invalid_json', null],
  ['single quotes', CHAT, "{'model':'tiny'}", 400, 'invalid_json', null],
  ['NaN', CHAT, '{"temperature":NaN}', 400, 'invalid_json', null],
  ['two values', CHAT, '{} {}', 400, 'invalid_json', null],
  ['a comment', CHAT, '{} // x', 400, 'invalid_json', null],
  ['form', CHAT, 'model=tiny', 400, 'invalid_json', null],
  [
    'infinite number',
    CHAT,
    '{"model":"tiny","messages":[{"role":"user","content":"x"}],"max_tokens":1e400}',
    400,
    'invalid_request',
    'max_tokens',
  ],
  ['body is null', CHAT, 'null', 400, 'invalid_request', null],
  ['body is a number', CHAT, '5', 400, 'invalid_request', null],
  ['body is a string', CHAT, '"x"', 400, 'invalid_request', null],
  ['body is an array', CHAT, '[]', 400, 'invalid_request', null],
  ['body is {}', CHAT, '{}', 400, 'invalid_request', 'model'],
  ['deep arrays', CHAT, deep('[', ']'), 400, 'invalid_request', null],
  ['deep objects', CHAT, `${deep('{"a":', '')}1${'}'.repeat(100_000)}`, 400, 'invalid_request', null],
  ['deep, not closed', CHAT, '['.repeat(100_000), 400, 'invalid_json', null],
  [
    'deep content',
    CHAT,
    `{"model":"tiny","messages":[{"role":"user","content":${deep('[', ']', 1000)}}]}`,
    400,
    'invalid_request',
    null,
  ],
  [
    'deep schema',
    CHAT,
    `{"model":"tiny","messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":{"name":"f","parameters":${deep('{"a":', '', 500)}1${'}'.repeat(500)}}}]}`,
    400,
    'invalid_request',
    null,
  ],
  ['__proto__', CHAT, '{"__proto__":{"model":"tiny"}}', 400, 'invalid_request', null],
  ['__proto__, escaped', CHAT, '{"model":"tiny","messages":[{"\\u005f_proto__":1}]}', 400, 'invalid_request', null],
  [
    '__proto__ in a schema',
    CHAT,
    `{"model":"tiny","messages":[],"tools":[{"type":"function","function":{"name":"f","parameters":{"__proto__":{}}}}]}`,
    400,
    'invalid_request',
    null,
  ],
  ['constructor', CHAT, chat({ constructor: { prototype: { x: 1 } } }), 400, 'unknown_parameter', 'constructor'],
  ['invalid UTF-8', CHAT, Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]), 400, 'invalid_json', null],
  ['cut UTF-8', CHAT, Buffer.from([0x22, 0xe2, 0x82, 0x22]), 400, 'invalid_json', null],
  ['overlong UTF-8', CHAT, Buffer.from([0x22, 0xc0, 0xaf, 0x22]), 400, 'invalid_json', null],
  ['UTF-8 surrogate', CHAT, Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), 400, 'invalid_json', null],
  ['UTF-16', CHAT, Buffer.from('{}', 'utf16le'), 400, 'invalid_json', null],
  [
    'random bytes',
    CHAT,
    Buffer.from(Array.from({ length: 256 }, (_, i) => (i * 167) % 256)),
    400,
    'invalid_json',
    null,
  ],
  ['too large', CHAT, chat({ user: 'x'.repeat(1_048_576) }), 413, 'request_too_large', null],
  ['much too large', CHAT, 'x'.repeat(20_000_000), 413, 'request_too_large', null],
  ['unknown model', CHAT, chat({ model: 'none' }), 404, 'model_not_found', 'model'],
  ['unknown model, prototype name', CHAT, chat({ model: '__proto__' }), 404, 'model_not_found', 'model'],
  ['unknown key', CHAT, chat({ foo: 1 }), 400, 'unknown_parameter', 'foo'],
  ['huge unknown key', CHAT, chat({ ['x'.repeat(100_000)]: 1 }), 400, 'unknown_parameter'],
  [
    'many unknown keys',
    CHAT,
    chat(Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`k${i}`, i]))),
    400,
    'unknown_parameter',
    'k0',
  ],
  ['role', CHAT, chat({ messages: [{ role: 'bot', content: 'x' }] }), 400, 'invalid_request', 'messages[0].role'],
  [
    'role function',
    CHAT,
    chat({ messages: [{ role: 'function', name: 'f', content: 'x' }] }),
    400,
    'unsupported',
    'messages[0].role',
  ],
  ['content null', CHAT, chat(user(null)), 400, 'invalid_request', 'messages[0].content'],
  ['content number', CHAT, chat(user(5)), 400, 'invalid_request', 'messages[0].content'],
  ['part without type', CHAT, chat(user([{ text: 'x' }])), 400, 'invalid_request', 'messages[0].content[0].type'],
  [
    'part of audio',
    CHAT,
    chat(user([{ type: 'input_audio', input_audio: {} }])),
    400,
    'unsupported',
    'messages[0].content[0].type',
  ],
  [
    'image from a file',
    CHAT,
    chat(user([{ type: 'image_url', image_url: { url: 'file:///etc/passwd' } }])),
    400,
    'invalid_request',
    'messages[0].content[0].image_url.url',
  ],
  [
    'stray tool result',
    CHAT,
    chat({ messages: [{ role: 'tool', tool_call_id: 'c', content: 'x' }] }),
    400,
    'invalid_request',
    'messages[0]',
  ],
  ['tool without function', CHAT, chat(tool({ type: 'function' })), 400, 'invalid_request', 'tools[0].function'],
  [
    'tool without name',
    CHAT,
    chat(tool({ type: 'function', function: {} })),
    400,
    'invalid_request',
    'tools[0].function.name',
  ],
  [
    'tool with a schema that is none',
    CHAT,
    chat(tool({ type: 'function', function: { name: 'f', parameters: 'x' } })),
    400,
    'invalid_request',
    'tools[0].function.parameters',
  ],
  [
    'two tools of one name',
    CHAT,
    chat({ tools: ['f', 'f'].map((name) => ({ type: 'function', function: { name } })) }),
    400,
    'invalid_request',
    'tools',
  ],
  ['required tool without tools', CHAT, chat({ tool_choice: 'required' }), 400, 'invalid_request', 'tool_choice'],
  [
    'schema missing',
    CHAT,
    chat({ response_format: { type: 'json_schema', json_schema: { name: 'x' } } }),
    400,
    'invalid_request',
    'response_format.json_schema.schema',
  ],
  ['bias of no token', CHAT, chat({ logit_bias: { a: 1 } }), 400, 'invalid_request', 'logit_bias.a'],
  ['bias too large', CHAT, chat({ logit_bias: { '1': 1000 } }), 400, 'invalid_request', 'logit_bias.1'],
  [
    'usage without stream',
    CHAT,
    chat({ stream_options: { include_usage: true } }),
    400,
    'invalid_request',
    'stream_options',
  ],
  ['prompt missing', '/v1/completions', { model: 'tiny' }, 400, 'invalid_request', 'prompt'],
  [
    'prompt of mixed types',
    '/v1/completions',
    { model: 'tiny', prompt: ['a', 1] },
    400,
    'invalid_request',
    'prompt[1]',
  ],
  ['negative token', '/v1/completions', { model: 'tiny', prompt: [-1] }, 400, 'invalid_request', 'prompt[0]'],
  [
    'too many prompts',
    '/v1/completions',
    { model: 'tiny', prompt: Array.from({ length: 200 }, () => 'x') },
    400,
    'invalid_request',
    'prompt',
  ],
  ['suffix', '/v1/completions', { model: 'tiny', prompt: 'x', suffix: 5 }, 400, 'invalid_request', 'suffix'],
  [
    'messages for completions',
    '/v1/completions',
    { model: 'tiny', prompt: 'x', messages: [] },
    400,
    'unknown_parameter',
    'messages',
  ],
  ['best_of', '/v1/completions', { model: 'tiny', prompt: 'x', n: 2, best_of: 1 }, 400, 'invalid_request', 'best_of'],
  ['input missing', '/v1/embeddings', { model: 'tiny' }, 400, 'invalid_request', 'input'],
  ['input empty', '/v1/embeddings', { model: 'tiny', input: '' }, 400, 'invalid_request', 'input'],
  ['dimensions', '/v1/embeddings', { model: 'tiny', input: 'x', dimensions: -5 }, 400, 'invalid_request', 'dimensions'],
  [
    'encoding',
    '/v1/embeddings',
    { model: 'tiny', input: 'x', encoding_format: 'hex' },
    400,
    'invalid_request',
    'encoding_format',
  ],
  ['content missing', '/tokenize', {}, 400, 'invalid_request', 'content'],
  ['content number', '/tokenize', { content: 5 }, 400, 'invalid_request', 'content'],
  ['pieces', '/tokenize', { content: 'x', with_pieces: true }, 400, 'unsupported', 'with_pieces'],
  ['tokens missing', '/detokenize', {}, 400, 'invalid_request', 'tokens'],
  ['tokens negative', '/detokenize', { tokens: [-1] }, 400, 'invalid_request', 'tokens[0]'],
  ['tokens as text', '/detokenize', { tokens: '1 2' }, 400, 'invalid_request', 'tokens'],
  ['route', '/v1/chat/completion', {}, 404, 'route_not_found', null],
  ['route, other', '/nothing/like/it', 'x', 404, 'route_not_found', null],
  ['method', '/v1/models', {}, 405, 'method_not_allowed', null],
];

test('there are enough of them', () => {
  expect(cases.length).toBeGreaterThan(100);
});

test('every malformed request gets its error, and the server goes on', async () => {
  const { post, engine, lines } = await serve();
  for (const [name, path, body, status, code, param] of cases) {
    const response = await post(path, body);
    const text = await response.text();
    const { error } = ErrorBody.parse(JSON.parse(text));
    expect({ name, status: response.status, code: error.code }, error.message).toEqual({ name, status, code });
    if (param !== undefined) expect({ name, param: error.param }).toEqual({ name, param });
    expect(text.length, `${name}: the answer stays small`).toBeLessThan(1000);
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(response.headers.get('x-request-id')).toMatch(/^req_[0-9a-f]{32}$/);
  }
  expect((await post(CHAT, chat())).status).toBe(200);
  expect(engine.inFlight).toBe(0);
  expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
});

describe('media types', () => {
  const json = JSON.stringify(chat());
  test.each([
    ['text/plain', 415],
    ['application/x-www-form-urlencoded', 415],
    ['multipart/form-data; boundary=x', 415],
    ['application/json; charset=latin1', 415],
    ['application/jsonx', 415],
    ['json', 415],
    [';', 415],
    ['application/json', 200],
    ['application/json; charset=utf-8', 200],
    ['Application/JSON ;charset="UTF-8"', 200],
  ])('%s: %d', async (type, status) => {
    const { post } = await serve();
    const response = await post(CHAT, json, { headers: { 'content-type': type } });
    expect(response.status).toBe(status);
    if (status !== 200) expect(await response.json()).toMatchObject({ error: { code: 'unsupported_media_type' } });
  });
  test('none, and compressed', async () => {
    const { url, post } = await serve();
    expect(await sendRaw(url, httpPost(CHAT, json, []))).toMatch(/^HTTP\/1.1 415 .*unsupported_media_type/s);
    const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
    expect((await post(CHAT, json, { headers })).status).toBe(415);
  });
  test('a byte order mark is dropped', async () => {
    const { post } = await serve();
    expect((await post(CHAT, `\ufeff${json}`)).status).toBe(200);
  });
});

describe('what is no HTTP', () => {
  const head = `POST ${CHAT} HTTP/1.1\r\nhost: localhost\r\n`;
  test.each([
    ['garbage', 'garbage\r\n\r\n', 400, 'invalid_request'],
    ['a TLS hello', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400, 'invalid_request'],
    ['no such method', 'FOO / HTTP/1.1\r\nhost: localhost\r\n\r\n', 400, 'invalid_request'],
    ['a header without a name', `${head}: x\r\n\r\n`, 400, 'invalid_request'],
    ['a header with a null byte', `${head}x: a\0b\r\n\r\n`, 400, 'invalid_request'],
    ['lengths that differ', `${head}content-length: 1\r\ncontent-length: 2\r\n\r\nx`, 400, 'invalid_request'],
    ['a negative length', `${head}content-length: -1\r\n\r\n`, 400, 'invalid_request'],
    [
      'length and chunks',
      `${head}content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
      400,
      'invalid_request',
    ],
    [
      'a bad chunk',
      `${head}content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n`,
      400,
      'invalid_request',
    ],
    ['large headers', `${head}x: ${'a'.repeat(40_000)}\r\n\r\n`, 413, 'request_too_large'],
    ['many headers', `${head}${'x: y\r\n'.repeat(5000)}\r\n`, 413, 'request_too_large'],
    ['no host', `GET /v1/models HTTP/1.1\r\nconnection: close\r\n\r\n`, 403, 'permission_denied'],
    [
      'another host',
      `GET /v1/models HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n`,
      403,
      'permission_denied',
    ],
    [
      'a path that is no URL',
      `GET /%zz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`,
      400,
      'invalid_request',
    ],
  ])('%s', async (_name, bytes, status, code) => {
    const { url, post } = await serve();
    const answer = await sendRaw(url, bytes);
    const [headers = '', body = ''] = answer.split('\r\n\r\n', 2);
    expect(headers).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(ErrorBody.parse(JSON.parse(body)).error.code).toBe(code);
    expect((await post(CHAT, chat())).status).toBe(200);
  });

  test('a request that does not come to its end in time', async () => {
    const { url } = await serve({ tiny: {} }, { config: { requestTimeoutMs: 200 } });
    const half = `${head}content-type: application/json\r\ncontent-length: 100\r\n\r\n{`;
    const answers = await Promise.all([sendRaw(url, head), sendRaw(url, half)]);
    for (const answer of answers) expect(answer).toMatch(/^HTTP\/1.1 408 .*request_timeout/s);
  });

  test('garbage behind a request does not get into its stream, and ends it', async () => {
    const { url, provider } = await serve({ tiny: { answer: ['a', 'b'], hang: { at: 1 } } });
    const socket = await dial(url);
    const answer = readAll(socket);
    socket.write(httpPost(CHAT, JSON.stringify(chat({ stream: true }))).replace('connection: close\r\n', ''));
    await once(socket, 'data');
    socket.write('garbage\r\n\r\n');
    const text = await answer;
    expect(text).toContain('"content":"a"');
    expect(text.match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect(text).not.toContain('[DONE]');
    await expect.poll(() => provider.stats.active).toBe(0);
  });
});

test('a body larger than the limit, in chunks, is answered while it comes', async () => {
  const { url } = await serve({ tiny: {} }, { config: { bodyLimitBytes: 1000 } });
  const stream = new ReadableStream(
    {
      pull: (controller) => controller.enqueue(new Uint8Array(500)),
    },
    { highWaterMark: 0 },
  );
  let sent = 0;
  const limited = stream.pipeThrough(
    new TransformStream({
      transform: (chunk, controller) => {
        sent += 1;
        if (sent > 100) controller.terminate();
        else controller.enqueue(chunk);
      },
    }),
  );
  const response = await fetch(url + CHAT, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: limited,
    duplex: 'half',
  });
  expect(response.status).toBe(413);
  expect(await response.json()).toMatchObject({ error: { message: 'the body is larger than 1000 bytes' } });
});
