import {
  collect,
  GolekError,
  type GenerateRequest,
  type InferenceEvent,
  type InferenceRequest,
  type InferenceResult,
  type NamedTensor,
} from '@golek/api';
import type { ModelSession, Provider } from '@golek/providers-spi';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createTritonProvider, type TritonModelOptions, type TritonProviderOptions } from './index.ts';
import { decoupledEcho, echo, embedder, inputOf, tensorrtLlm, textOf, vllm } from './models.fixture.ts';
import { startLoopbackServer, type LoopbackServer } from './triton-server.fixture.ts';

const { signal } = new AbortController();

const setup = async (
  options: Partial<TritonProviderOptions> = {},
): Promise<{ readonly server: LoopbackServer; readonly provider: Provider }> => {
  const server = await startLoopbackServer({ text: vllm, trt: tensorrtLlm, echo, pieces: decoupledEcho, embedder });
  const provider = createTritonProvider({ baseUrl: server.url, ...options });
  onTestFinished(async () => {
    await provider[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });
  return { server, provider };
};

const open = (provider: Provider, location: string, options: TritonModelOptions = {}): Promise<ModelSession> =>
  provider.open({ name: 'm', location, options: { ...options } }, { signal });

async function* started(events: AsyncIterable<InferenceEvent>): AsyncGenerator<InferenceEvent, undefined> {
  yield { type: 'start', model: 'm', provider: 'triton' };
  yield* events;
  return undefined;
}

const answer = (session: ModelSession, request: InferenceRequest, abort = signal): Promise<InferenceResult> =>
  collect(started(session.run(request, { id: 'r1', signal: abort })));

const failureOf = async (work: () => Promise<unknown>): Promise<GolekError> => {
  try {
    await work();
  } catch (thrown) {
    return GolekError.from(thrown);
  }
  throw new Error('nothing failed');
};

const prompt = (text: string, fields: Partial<GenerateRequest> = {}): GenerateRequest => ({
  task: 'generate',
  model: 'm',
  input: { type: 'text', prompt: text },
  ...fields,
});

const FP32: NamedTensor = { name: 'x', type: 'FP32', shape: [2], data: new Uint8Array(Float32Array.of(1, 2.5).buffer) };
const RAW: NamedTensor = { name: 'b', type: 'BYTES', shape: [1], data: Uint8Array.of(1, 0, 0, 0, 0xff) };
const BF16: NamedTensor = { name: 'h', type: 'BF16', shape: [1, 1], data: Uint8Array.of(0x80, 0x3f) };

describe('metadata become the manifest', () => {
  test.each<[string, string[]]>([
    ['text', ['generate', 'tensor']],
    ['trt', ['generate', 'tensor']],
    ['echo', ['tensor']],
    ['embedder', ['embed', 'tensor']],
  ])('%s does %j', async (location, tasks) => {
    const { provider } = await setup();
    const manifest = await provider.inspect({ name: 'm', location }, { signal });
    expect(manifest.tasks).toEqual(tasks);
    expect(manifest.device).toBe('remote');
    if (location === 'text')
      expect(manifest.inputs).toContainEqual({ name: 'stream', type: 'BOOL', shape: [1], optional: true });
    if (location === 'trt')
      expect(manifest.options).toEqual([
        'input.text',
        'maxTokens',
        'sampling.temperature',
        'sampling.seed',
        'stop',
        'parameters',
      ]);
  });

  test('a server is not asked for what the options say', async () => {
    const provider = createTritonProvider({ baseUrl: 'http://127.0.0.1:9' });
    expect(
      await provider.inspect({ name: 'm', location: 'any', options: { tasks: ['tensor'] } }, { signal }),
    ).toMatchObject({ tasks: ['tensor'], options: ['parameters'] });
    await provider[Symbol.asyncDispose]();
  });
});

describe('tensors', () => {
  test('go there and come back as they are, with what stands beside them', async () => {
    const { server, provider } = await setup();
    const session = await open(provider, 'echo', { version: '3' });
    const inputs = [FP32, RAW, BF16];
    const parameters = { sequence_id: 42, sequence_start: true, priority: 'high' };
    const result = await answer(session, { task: 'tensor', model: 'm', inputs, outputs: ['x', 'b', 'h'], parameters });
    expect(result.tensors).toEqual(inputs);
    expect(server.requests).toEqual([
      { model: 'echo', version: '3', id: 'r1', parameters, inputs, outputs: ['x', 'b', 'h'] },
    ]);
  });

  test('every answer of a decoupled model is given', async () => {
    const { provider } = await setup();
    const session = await open(provider, 'pieces');
    expect((await answer(session, { task: 'tensor', model: 'm', inputs: [FP32, RAW, FP32] })).tensors).toEqual([
      FP32,
      RAW,
      FP32,
    ]);
  });

  test('embeddings', async () => {
    const { provider } = await setup();
    const session = await open(provider, 'embedder');
    const { embeddings } = await answer(session, { task: 'embed', model: 'm', inputs: ['a', 'bcd'] });
    expect(embeddings).toEqual([Float32Array.of(1, 1), Float32Array.of(3, 1)]);
  });
});

describe('texts', () => {
  test("vLLM's way: pieces, reason and counts", async () => {
    const { server, provider } = await setup();
    const session = await open(provider, 'text');
    const sampling = { temperature: 0.5, topK: 0, seed: 7 };
    const { choices, usage } = await answer(session, prompt('a b c', { sampling, maxTokens: 9, stop: ['x'] }));
    expect(choices).toMatchObject([{ text: 'a b c', finish: 'stop' }]);
    expect(usage).toEqual({ promptTokens: 3, completionTokens: 3 });
    const [request] = server.requests;
    expect(JSON.parse(textOf(request!, 'sampling_parameters'))).toEqual({
      max_tokens: 9,
      temperature: 0.5,
      top_k: -1,
      seed: 7,
      stop: ['x'],
    });
    expect(inputOf(request!, 'stream')?.data).toEqual(Uint8Array.of(1));
    expect(inputOf(request!, 'exclude_input_in_output')?.data).toEqual(Uint8Array.of(1));
  });

  test("TensorRT-LLM's way: an input for each parameter, with a batch of one; what the server does not tell is said", async () => {
    const { server, provider } = await setup();
    const session = await open(provider, 'trt');
    const { choices, warnings, usage } = await answer(
      session,
      prompt('a', { sampling: { temperature: 0.5, seed: 7 }, maxTokens: 9, stop: ['x', 'y'] }),
    );
    expect(choices).toMatchObject([{ text: 'a and more', finish: 'stop' }]);
    expect(usage).toBeUndefined();
    expect(warnings).toEqual([expect.stringContaining('does not tell why')]);
    expect(server.requests[0]?.inputs).toEqual([
      { name: 'text_input', type: 'BYTES', shape: [1, 1], data: ['a'] },
      { name: 'max_tokens', type: 'INT32', shape: [1, 1], data: new Uint8Array(Int32Array.of(9).buffer) },
      { name: 'temperature', type: 'FP32', shape: [1, 1], data: new Uint8Array(Float32Array.of(0.5).buffer) },
      { name: 'random_seed', type: 'UINT64', shape: [1, 1], data: new Uint8Array(BigUint64Array.of(7n).buffer) },
      { name: 'stop_words', type: 'BYTES', shape: [1, 2], data: ['x', 'y'] },
      { name: 'stream', type: 'BOOL', shape: [1, 1], data: Uint8Array.of(0) },
    ]);
  });

  test('what the model has no input for is refused, also when that is learnt late', async () => {
    const { provider } = await setup();
    const session = await open(provider, 'trt', { tasks: ['generate'] });
    const error = await failureOf(() => answer(session, prompt('a', { sampling: { minP: 0.5 } })));
    expect(error).toMatchObject({ code: 'unsupported', details: { option: 'sampling.minP' } });
  });
});

describe('failures', () => {
  test('a cancelled run ends', async () => {
    const { server, provider } = await setup();
    const session = await open(provider, 'text');
    const client = new AbortController();
    const events = session.run(prompt('a hang'), { id: 'r', signal: client.signal })[Symbol.asyncIterator]();
    expect(await events.next()).toMatchObject({ value: { type: 'text', text: 'a ' } });
    expect(server.active).toBe(1);
    const waiting = events.next();
    client.abort();
    expect(await failureOf(() => waiting)).toMatchObject({ code: 'cancelled' });
  });

  test('the time limit of the run is told to the server, and a silent server is given up', async () => {
    const { server, provider } = await setup({ idleTimeoutMs: 500 });
    const session = await open(provider, 'text');
    const error = await failureOf(() => answer(session, prompt('hang')));
    expect(error).toMatchObject({ code: 'deadline_exceeded', message: expect.stringContaining('500 ms') });
    await collect(
      started(
        session.run(prompt('a'), { id: 'r', signal, deadline: performance.now() + 60_000, traceparent: '00-1-2-01' }),
      ),
    );
    expect(server.metadata().get('traceparent')).toEqual(['00-1-2-01']);
    expect(server.deadline() - Date.now()).toBeLessThanOrEqual(60_000);
  });

  test('a server that is not there', async () => {
    const provider = createTritonProvider({ id: 'far', baseUrl: 'http://127.0.0.1:9', connectTimeoutMs: 200 });
    const session = await open(provider, 'm', { tasks: ['tensor'] });
    const error = await failureOf(() => answer(session, { task: 'tensor', model: 'm', inputs: [FP32] }));
    expect(error).toMatchObject({
      code: 'provider_failed',
      message: expect.stringContaining("upstream 'far' (127.0.0.1:9)"),
    });
    expect((await failureOf(() => open(provider, 'm'))).code).toBe('provider_failed');
    expect(session.health().status).toBe('degraded');
    await provider[Symbol.asyncDispose]();
  });

  test('credentials go with every call', async () => {
    const { server, provider } = await setup({ apiKey: 'secret-key', headers: { 'x-team': 'blue' } });
    await open(provider, 'echo');
    expect(server.metadata().get('authorization')).toEqual(['Bearer secret-key']);
    expect(server.metadata().get('x-team')).toEqual(['blue']);
  });
});

test('a model is loaded there when it is opened, and unloaded when it is closed', async () => {
  const { server, provider } = await setup();
  const session = await open(provider, 'echo', { load: true, tasks: ['tensor'] });
  expect(server.loads).toEqual(['load echo']);
  expect((await answer(session, { task: 'tensor', model: 'm', inputs: [FP32] })).tensors).toEqual([FP32]);
  await Promise.all([session[Symbol.asyncDispose](), session[Symbol.asyncDispose]()]);
  expect(server.loads).toEqual(['load echo', 'unload echo']);
  expect(await failureOf(() => open(provider, 'none', { load: true, tasks: ['tensor'] }))).toMatchObject({
    code: 'provider_misconfigured',
  });
  expect(await failureOf(() => open(provider, 'echo', { load: true }))).toMatchObject({
    code: 'config_invalid',
    details: { key: 'tasks' },
  });
});

test.each([
  [{ protocol: 'thrift' }, 'protocol'],
  [{ channels: 0 }, 'channels'],
  [{ baseUrl: 'tcp://x' }, 'baseUrl'],
  [{ chanels: 1 }, 'chanels'],
  [{ apiKeys: ['a', 'b'] }, 'apiKeys'],
])('%j is refused', (options, key) => {
  const make = () => createTritonProvider({ baseUrl: 'http://127.0.0.1:1', ...(options as object) });
  expect(make).toThrow(expect.objectContaining({ code: 'config_invalid', details: { key } }));
});
