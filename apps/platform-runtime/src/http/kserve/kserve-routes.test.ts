import { JSON_LENGTH_HEADER } from '@golek/protocols/kserve';
import { describe, expect, test } from 'vitest';
import { serve } from '../server.fixture.ts';

const models = { graph: { tasks: ['tensor' as const] }, tiny: {}, hangs: { hang: { at: 1 } } };
const FP32 = { name: 'a', datatype: 'FP32', shape: [2] };

const dataOf = (text: string): unknown[] =>
  text
    .split('\n\n')
    .filter((part) => part.startsWith('data: '))
    .map((part) => JSON.parse(part.slice('data: '.length)) as unknown);

test('tells what the server and its models are', async () => {
  const { url } = await serve(models);
  const get = async (path: string): Promise<unknown> => (await fetch(url + path)).json();
  expect(await get('/v2')).toMatchObject({ name: 'golek', extensions: expect.arrayContaining(['binary_tensor_data']) });
  expect(await get('/v2/')).toMatchObject({ name: 'golek' });
  expect(await get('/v2/health/live')).toEqual({ live: true });
  expect(await get('/v2/health/ready')).toEqual({ ready: true });
  expect(await get('/v2/models/tiny/versions/1/ready')).toEqual({ ready: true });
  expect(await get('/v2/models/tiny')).toMatchObject({
    name: 'tiny',
    versions: ['1'],
    inputs: expect.arrayContaining([{ name: 'text_input', datatype: 'BYTES', shape: [1] }]),
  });
  expect(await get('/v2/models/tiny/config')).toMatchObject({
    max_batch_size: 0,
    model_transaction_policy: { decoupled: true },
  });
  expect(await get('/v2/models/tiny/versions/2')).toEqual({ error: expect.stringContaining("no version '2'") });
  expect(await get('/v2/models/tyni')).toEqual({ error: expect.stringContaining("did you mean 'tiny'?") });
});

test('a server that starts is alive and not ready', async () => {
  const { url } = await serve(models, { state: () => 'starting' });
  const ready = await fetch(`${url}/v2/health/ready`);
  expect([ready.status, await ready.json()]).toEqual([503, { ready: false }]);
  expect((await fetch(`${url}/v2/health/live`)).status).toBe(200);
  expect((await fetch(`${url}/v2/models/tiny/ready`)).status).toBe(503);
});

test('lists, loads and unloads models, and counts their requests', async () => {
  const { url, post } = await serve(models);
  const states = async (body: object): Promise<unknown> => {
    const index = (await (await post('/v2/repository/index', body)).json()) as { name: string; state: string }[];
    return index.map(({ name, state }) => `${name} ${state}`);
  };
  expect(await states({})).toEqual(['graph UNAVAILABLE', 'tiny UNAVAILABLE', 'hangs UNAVAILABLE']);
  expect(await (await fetch(`${url}/v2/repository/models/graph/load`, { method: 'POST' })).json()).toEqual({});
  expect(await states({ ready: true })).toEqual(['graph READY']);
  await post('/v2/models/graph/infer', { inputs: [{ ...FP32, data: [1, 2] }] });
  await post('/v2/models/tiny/infer', { inputs: [FP32].map((tensor) => ({ ...tensor, data: [1, 2] })) });
  expect(await (await fetch(`${url}/v2/models/graph/stats`)).json()).toEqual({
    model_stats: [
      {
        name: 'graph',
        version: '1',
        inference_count: 1,
        inference_stats: { success: { count: 1 }, fail: { count: 0 } },
      },
    ],
  });
  expect(
    ((await (await fetch(`${url}/v2/models/stats`)).json()) as { model_stats: object[] }).model_stats,
  ).toHaveLength(3);
  await post('/v2/repository/models/graph/unload', { parameters: { unload_dependents: false } });
  expect(await states({})).toContain('graph UNAVAILABLE');
  const odd = await post('/v2/repository/models/graph/load', { parameters: { config: '{}' } });
  expect([odd.status, await odd.json()]).toEqual([400, { error: expect.stringContaining("'config'") }]);
});

describe('tensors', () => {
  test('as values in both directions', async () => {
    const { post } = await serve(models);
    const answer = await post('/v2/models/graph/infer', { id: '7', inputs: [{ ...FP32, data: [0.5, 2] }] });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({
      model_name: 'graph',
      model_version: '1',
      id: '7',
      outputs: [{ name: 'out_a', datatype: 'FP32', shape: [2], data: [0.5, 2] }],
    });
  });

  test('as bytes in both directions, without a content-type as the clients of Triton send them', async () => {
    const { url } = await serve(models);
    const json = Buffer.from(
      JSON.stringify({
        parameters: { binary_data_output: true },
        inputs: [{ ...FP32, parameters: { binary_data_size: 8 } }],
      }),
    );
    const bytes = new Uint8Array(Float32Array.of(0.5, 2).buffer);
    const answer = await fetch(`${url}/v2/models/graph/versions/1/infer`, {
      method: 'POST',
      headers: { [JSON_LENGTH_HEADER]: String(json.length) },
      body: new Blob([json, bytes]),
    });
    const length = Number(answer.headers.get(JSON_LENGTH_HEADER));
    const body = Buffer.from(await answer.arrayBuffer());
    expect(JSON.parse(body.toString('utf8', 0, length))).toMatchObject({
      outputs: [{ name: 'out_a', parameters: { binary_data_size: 8 } }],
    });
    expect(new Uint8Array(body.subarray(length))).toEqual(bytes);
  });

  test.each<[string, object, RequestInit, number, string]>([
    ['a wrong size', { inputs: [{ ...FP32, data: [1] }] }, {}, 400, 'needs 2'],
    [
      'a parameter that the model has no use for',
      { inputs: [{ ...FP32, data: [1, 2] }], parameters: { sequence_id: 3 } },
      {},
      200,
      'out_a',
    ],
    [
      'a page of another site',
      { inputs: [] },
      { headers: { 'content-type': 'text/plain' } },
      415,
      "the content-type is 'text/plain'",
    ],
    [
      'a length beyond the body',
      { inputs: [] },
      { headers: { 'content-type': 'application/octet-stream', [JSON_LENGTH_HEADER]: '999' } },
      400,
      "is '999'",
    ],
    [
      'a compressed body, whose header tells the length of the JSON before',
      Buffer.from('x'),
      { headers: { 'content-encoding': 'gzip', [JSON_LENGTH_HEADER]: '999' } },
      415,
      "encoded as 'gzip'",
    ],
    ['no JSON', Buffer.from('{'), {}, 400, 'not valid JSON'],
  ])('%s', async (_what, body, init, status, message) => {
    const { post } = await serve(models);
    const answer = await post('/v2/models/graph/infer', body, init);
    expect([answer.status, await answer.text()]).toEqual([status, expect.stringContaining(message)]);
  });

  test('a page of another site cannot ask without a content-type', async () => {
    const { url } = await serve(models);
    const answer = await fetch(`${url}/v2/models/graph/infer`, {
      method: 'POST',
      headers: { origin: 'https://example.org' },
      body: new Blob(['{}']),
    });
    expect(answer.status).toBe(415);
  });
});

describe('texts', () => {
  test('the generate extension, in one piece and streamed', async () => {
    const { post } = await serve(models);
    const body = { text_input: 'hello', exclude_input_in_output: true, parameters: { max_tokens: 8 } };
    const whole = (await (await post('/v2/models/tiny/generate', body)).json()) as { text_output: string };
    expect(whole).toMatchObject({ model_name: 'tiny', model_version: '1' });
    const streamed = await post('/v2/models/tiny/generate_stream', body);
    expect(streamed.headers.get('content-type')).toContain('text/event-stream');
    const pieces = dataOf(await streamed.text()) as { text_output: string }[];
    expect(pieces.length).toBeGreaterThan(2);
    expect(pieces.map(({ text_output: text }) => text).join('')).toBe(whole.text_output);
    expect(whole.text_output.length).toBeGreaterThan(4);
    const once = await post('/v2/models/tiny/generate_stream', { ...body, stream: false });
    expect(dataOf(await once.text())).toEqual([whole]);
  });

  test('as tensors, with the prompt before the answer', async () => {
    const { post } = await serve(models);
    const answer = await post('/v2/models/tiny/infer', {
      inputs: [{ name: 'text_input', datatype: 'BYTES', shape: [1], data: ['hello '] }],
    });
    expect(await answer.json()).toMatchObject({
      outputs: [{ name: 'text_output', datatype: 'BYTES', shape: [1], data: [expect.stringMatching(/^hello ./)] }],
    });
  });

  test('an answer that takes longer than its timeout ends', async () => {
    const { post } = await serve(models);
    const answer = await post('/v2/models/hangs/generate', { text_input: 'x', parameters: { timeout: 20_000 } });
    expect([answer.status, await answer.json()]).toEqual([504, { error: expect.stringContaining('20 ms') }]);
  });

  test('a stream that fails after it has begun says so', async () => {
    const { post } = await serve({
      breaks: { delayMs: 5, fail: { at: 2, code: 'provider_failed', message: 'it broke' } },
    });
    const pieces = dataOf(await (await post('/v2/models/breaks/generate_stream', { text_input: 'x' })).text());
    expect(pieces.at(-1)).toEqual({ error: 'it broke' });
  });
});

test('who has no credentials learns nothing but health', async () => {
  const { url } = await serve(models, { config: { adminToken: '0123456789abcdef', host: '127.0.0.1' } });
  expect((await fetch(`${url}/v2/health/ready`)).status).toBe(200);
  const load = await fetch(`${url}/v2/repository/models/graph/load`, { method: 'POST' });
  expect([load.status, await load.json()]).toEqual([401, { error: expect.stringContaining('credentials') }]);
});
