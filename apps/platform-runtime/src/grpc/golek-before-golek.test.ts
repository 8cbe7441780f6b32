import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  collect,
  type GenerateRequest,
  type InferenceRequest,
  type InferenceResult,
  type TensorRequest,
} from '@golek/api';
import { createCall } from '@golek/kernel';
import { createTritonAdmin, createTritonProvider } from '@golek/provider-triton';
import { ENGINE, MODELS, type System } from '@golek/system';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { composeServer } from '../compose-server.ts';
import { loadSettings } from '../config/platform-config.ts';
import { GRPC_SERVER } from '../modules/grpc-module.ts';
import { HTTP_SERVER } from '../modules/http-module.ts';

/** y = Softmax(x), FP32 [n]. */
const SOFTMAX = 'CAg6OAoPCgF4EgF5IgdTb2Z0bWF4EgFnWhAKAXgSCwoJCAESBQoDEgFuYhAKAXkSCwoJCAESBQoDEgFuQgIQEQ==';

let home: string;
let back: System;
let front: System;

const serve = async (name: string, config: string): Promise<System> => {
  const folder = path.join(home, name);
  await mkdir(path.join(folder, 'models'), { recursive: true });
  await writeFile(path.join(folder, 'golek.yaml'), config);
  if (name === 'back') await writeFile(path.join(folder, 'models/softmax.onnx'), Buffer.from(SOFTMAX, 'base64'));
  const environment = { GOLEK_HOME: folder, GOLEK_HTTP_PORT: '0', GOLEK_LOG_LEVEL: 'silent' };
  const { system } = await composeServer(await loadSettings({ environment }));
  await system.start();
  return system;
};

beforeAll(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'golek-twice-'));
  back = await serve('back', 'grpc: { port: 0 }');
  const list = ['grpc', 'http'].flatMap((provider) =>
    ['golek-tiny', 'softmax'].map(
      (model) => `{ name: ${provider}-${model}, provider: over-${provider}, model: ${model} }`,
    ),
  );
  front = await serve(
    'front',
    `upstreams:
  - { id: over-grpc, type: triton, baseUrl: 'http://127.0.0.1:${back.get(GRPC_SERVER).port}' }
  - { id: over-http, type: triton, protocol: http, baseUrl: '${back.get(HTTP_SERVER).address.url}' }
models: { list: [${list.join(', ')}] }
`,
  );
}, 60_000);

afterAll(async () => {
  await front.stop();
  await back.stop();
  await rm(home, { recursive: true, force: true });
});

const { signal } = new AbortController();
const ask = (system: System, request: InferenceRequest): Promise<InferenceResult> =>
  collect(system.get(ENGINE).run(createCall({ request, signal })));

const PROMPT: Omit<GenerateRequest, 'model'> = {
  task: 'generate',
  input: { type: 'text', prompt: 'Who are you?' },
  sampling: { temperature: 0 },
  maxTokens: 12,
  ignoreEos: true,
};

const TENSORS: Omit<TensorRequest, 'model'> = {
  task: 'tensor',
  inputs: [{ name: 'x', type: 'FP32', shape: [3], data: new Uint8Array(Float32Array.of(1, 2, 3).buffer) }],
};

describe.each(['grpc', 'http'])('Golek before Golek over %s', (way) => {
  test('the model is described as there', () => {
    const there = back.get(MODELS).resolve('softmax')!.manifest;
    const here = front.get(MODELS).resolve(`${way}-softmax`)!.manifest;
    expect(here.tasks).toEqual(['tensor']);
    expect([here.inputs, here.outputs]).toEqual([there.inputs, there.outputs]);
  });

  test('the same tensors', async () => {
    const there = await ask(back, { ...TENSORS, model: 'softmax' });
    const here = await ask(front, { ...TENSORS, model: `${way}-softmax` });
    expect(there.tensors).toHaveLength(1);
    expect(here.tensors).toEqual(there.tensors);
  });

  test('the same text, reason and counts', async () => {
    const there = await ask(back, { ...PROMPT, model: 'golek-tiny' });
    const here = await ask(front, { ...PROMPT, model: `${way}-golek-tiny` });
    expect(there.choices[0]?.text.length).toBeGreaterThan(3);
    expect(here.choices).toMatchObject([{ text: there.choices[0]?.text, finish: there.choices[0]?.finish }]);
    expect(here.usage).toMatchObject({
      promptTokens: there.usage?.promptTokens,
      completionTokens: there.usage?.completionTokens,
    });
  });
});

describe.each(['grpc', 'http'] as const)('what a server says of itself over %s', (protocol) => {
  const options = () => ({
    protocol,
    baseUrl: protocol === 'grpc' ? `http://127.0.0.1:${back.get(GRPC_SERVER).port}` : back.get(HTTP_SERVER).address.url,
  });

  test('its name, its models and what it counted; models are loaded and unloaded', async () => {
    await using admin = createTritonAdmin(options());
    expect(await admin.ready(signal)).toBe(true);
    expect(await admin.metadata(signal)).toMatchObject({
      name: 'golek',
      extensions: expect.arrayContaining(['statistics']),
    });
    const stateOf = async () => (await admin.index(signal)).find(({ name }) => name === 'softmax')?.state;
    await admin.load('softmax', signal);
    expect(await stateOf()).toBe('READY');
    await ask(back, { ...TENSORS, model: 'softmax' });
    const [counted] = await admin.statistics('softmax', signal);
    expect(counted).toMatchObject({ name: 'softmax', failed: 0, successMs: undefined });
    expect(counted?.succeeded).toBeGreaterThan(0);
    expect((await admin.statistics(undefined, signal)).map(({ name }) => name)).toContain('softmax');
    await admin.unload('softmax', signal);
    expect(await stateOf()).not.toBe('READY');
    await expect(admin.load('sofmax', signal)).rejects.toMatchObject({ code: 'provider_misconfigured' });
  });

  test('a model is loaded there when it is opened, and unloaded when it is closed', async () => {
    await using admin = createTritonAdmin(options());
    await using provider = createTritonProvider(options());
    const stateOf = async () => (await admin.index(signal)).find(({ name }) => name === 'softmax')?.state;
    const source = { name: 'm', location: 'softmax', options: { tasks: ['tensor'], load: true } };
    const session = await provider.open(source, { signal });
    expect(await stateOf()).toBe('READY');
    await session[Symbol.asyncDispose]();
    expect(await stateOf()).not.toBe('READY');
  });
});
