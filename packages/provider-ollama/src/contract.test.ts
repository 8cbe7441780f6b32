import { startFaultyUpstream } from '@golek/faulty-upstream';
import { providerContract, type ProviderContractSetup } from '@golek/providers-spi/testing';
import { afterAll } from 'vitest';
import { createOllamaProvider } from './index.ts';
import { chat, complete } from './requests.fixture.ts';
import { rootOf } from './upstream.fixture.ts';

const upstream = await startFaultyUpstream({
  models: { good: { kind: 'ok' }, drip: { kind: 'drip' }, embedder: { kind: 'ok' } },
});
afterAll(() => upstream[Symbol.asyncDispose]());

const setup = (location: string): Omit<ProviderContractSetup, 'create'> => ({
  source: { name: 'm', location, options: { options: ['input.chat', 'input.text', 'maxTokens'] } },
  missing: { name: 'm', location: 'none' },
  request: (variant) => chat(`one two thrée ${variant}`),
  longRequest: () => chat('word '.repeat(400)),
  probes: { activeRuns: () => upstream.open },
});

await providerContract('an Ollama server', {
  ...setup('good'),
  create: () => createOllamaProvider({ id: 'loopback', baseUrl: rootOf(upstream), apiKey: 'secret-key' }),
});

await providerContract('an Ollama server with one connection, byte by byte', {
  ...setup('drip'),
  // What is long is the number of packets here.
  longRequest: () => complete('word '.repeat(250)),
  create: () => createOllamaProvider({ id: 'loopback', baseUrl: rootOf(upstream), connections: 1 }),
});

await providerContract('embeddings of an Ollama server', {
  ...setup('embedder'),
  source: { name: 'm', location: 'embedder', options: { tasks: ['embed'] } },
  request: (variant) => ({ task: 'embed', model: 'm', inputs: [`a${variant}`, 'bb', 'ccc'] }),
  longRequest: () => ({
    task: 'embed',
    model: 'm',
    inputs: Array.from({ length: 300 }, (_, index) => `text ${index}`),
  }),
  create: () => createOllamaProvider({ id: 'loopback', baseUrl: rootOf(upstream) }),
});
