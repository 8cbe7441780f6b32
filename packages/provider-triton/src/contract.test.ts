import type { GenerateRequest } from '@golek/api';
import { providerContract } from '@golek/providers-spi/testing';
import { afterAll } from 'vitest';
import { createTritonProvider } from './index.ts';
import { echo, vllm } from './models.fixture.ts';
import { startLoopbackServer } from './triton-server.fixture.ts';

const server = await startLoopbackServer({ text: vllm, echo });
afterAll(() => server[Symbol.asyncDispose]());

const prompt = (text: string): GenerateRequest => ({
  task: 'generate',
  model: 'm',
  input: { type: 'text', prompt: text },
});

await providerContract('Triton over gRPC', {
  create: () => createTritonProvider({ baseUrl: server.url, apiKey: 'secret-key' }),
  source: { name: 'm', location: 'text' },
  missing: { name: 'm', location: 'none' },
  request: (variant) => prompt(`one two thrée ${variant}`),
  longRequest: () => prompt('word '.repeat(400)),
  failing: { request: prompt('one two break three'), code: 'provider_failed' },
  probes: { activeRuns: () => server.active },
});

await providerContract('Triton over gRPC with one channel and one call at a time', {
  create: () => createTritonProvider({ baseUrl: server.url, channels: 1, connections: 1 }),
  source: { name: 'm', location: 'text', options: { tasks: ['generate'] } },
  missing: { name: 'm', location: 'none' },
  request: (variant) => prompt(`one two thrée ${variant}`),
  longRequest: () => prompt('word '.repeat(250)),
});
