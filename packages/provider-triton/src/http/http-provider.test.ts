import {
  collect,
  GolekError,
  type GenerateRequest,
  type InferenceEvent,
  type NamedTensor,
  type TensorRequest,
} from '@golek/api';
import { providerContract } from '@golek/providers-spi/testing';
import { afterAll, expect, test } from 'vitest';
import { createTritonProvider } from '../index.ts';
import { startRestServer } from './rest-server.fixture.ts';

const server = await startRestServer();
afterAll(() => server[Symbol.asyncDispose]());

const prompt = (text: string): GenerateRequest => ({
  task: 'generate',
  model: 'm',
  input: { type: 'text', prompt: text },
});
const create = () => createTritonProvider({ baseUrl: server.url, protocol: 'http' });

await providerContract('Triton over REST', {
  create,
  source: { name: 'm', location: 'text' },
  missing: { name: 'm', location: 'none' },
  request: (variant) => prompt(`one two thrée ${variant}`),
  longRequest: () => prompt('word '.repeat(400)),
  failing: { request: prompt('one two break three'), code: 'provider_failed' },
  probes: { activeRuns: () => server.active },
});

const { signal } = new AbortController();

async function* run(
  location: string,
  request: GenerateRequest | TensorRequest,
  tasks: string[],
): AsyncGenerator<InferenceEvent> {
  await using provider = create();
  await using session = await provider.open({ name: 'm', location, options: { tasks } }, { signal });
  yield { type: 'start', model: 'm', provider: 'triton' };
  yield* session.run(request, { id: 'r1', signal });
}

const INPUTS: NamedTensor[] = [
  { name: 'x', type: 'FP16', shape: [1, 2], data: Uint8Array.of(0, 60, 1, 2) },
  { name: 'b', type: 'BYTES', shape: [1], data: Uint8Array.of(1, 0, 0, 0, 0xff) },
  { name: 't', type: 'BYTES', shape: [2], data: ['', 'ä'] },
];

test('tensors go there and come back as bytes', async () => {
  const { tensors } = await collect(run('echo', { task: 'tensor', model: 'm', inputs: INPUTS }, ['tensor']));
  expect(tensors).toEqual(INPUTS);
});

test.each<[string, string, GenerateRequest | TensorRequest, string, string]>([
  [
    'tensors that are none',
    'odd',
    { task: 'tensor', model: 'm', inputs: INPUTS },
    'provider_failed',
    'what is no answer',
  ],
  [
    'a model that is not there',
    'none',
    { task: 'tensor', model: 'm', inputs: INPUTS },
    'invalid_request',
    'unknown model',
  ],
  ['a stream that is cut', 'text', prompt('one cut'), 'provider_failed', 'closed the connection'],
])('%s', async (_what, location, request, code, message) => {
  const work = collect(run(location, request, [request.task]));
  const error = GolekError.from(
    await work.then(
      () => new Error('nothing failed'),
      (thrown: unknown) => thrown,
    ),
  );
  expect(error).toMatchObject({ code, message: expect.stringContaining(message) });
});
