import type { GenerateRequest } from '@golek/api';
import { startFaultyUpstream } from '@golek/faulty-upstream';
import { providerContract, type ProviderContractSetup } from '@golek/providers-spi/testing';
import { afterAll } from 'vitest';
import { createOpenAiProvider } from './index.ts';

const upstream = await startFaultyUpstream({
  models: { good: { kind: 'ok' }, failing: { kind: 'ok' }, drip: { kind: 'drip' }, embedder: { kind: 'ok' } },
});
afterAll(() => upstream[Symbol.asyncDispose]());

const chat = (text: string): GenerateRequest => ({
  task: 'generate',
  model: 'm',
  input: { type: 'chat', messages: [{ role: 'user', content: [{ type: 'text', text }] }] },
});

const setup = (location: string): Omit<ProviderContractSetup, 'create'> => ({
  source: { name: 'm', location, options: { verify: true, options: ['input.chat', 'input.text', 'maxTokens'] } },
  missing: { name: 'm', location: 'none', options: { verify: true } },
  request: (variant) => chat(`one two thrée ${variant}`),
  longRequest: () => chat('word '.repeat(400)),
  probes: { activeRuns: () => upstream.open },
});

await providerContract('OpenAI-compatible upstream', {
  ...setup('good'),
  create: () => createOpenAiProvider({ id: 'loopback', baseUrl: upstream.url, apiKey: 'secret-key' }),
});

await providerContract('OpenAI-compatible upstream, by its Responses API', {
  ...setup('good'),
  source: {
    name: 'm',
    location: 'good',
    options: { api: 'responses', verify: true, options: ['input.chat', 'maxTokens'] },
  },
  create: () => createOpenAiProvider({ id: 'loopback', baseUrl: upstream.url, apiKey: 'secret-key' }),
});

await providerContract('OpenAI-compatible upstream with one connection, byte by byte', {
  ...setup('drip'),
  // What is long is the number of packets here.
  longRequest: () => chat('word '.repeat(250)),
  create: () => createOpenAiProvider({ id: 'loopback', baseUrl: upstream.url, connections: 1 }),
});

await providerContract('embeddings of an OpenAI-compatible upstream', {
  ...setup('embedder'),
  source: { name: 'm', location: 'embedder', options: { tasks: ['embed'], verify: true } },
  request: (variant) => ({ task: 'embed', model: 'm', inputs: [`a${variant}`, 'bb', 'ccc'] }),
  longRequest: () => ({
    task: 'embed',
    model: 'm',
    inputs: Array.from({ length: 300 }, (_, index) => `text ${index}`),
  }),
  create: () => createOpenAiProvider({ id: 'loopback', baseUrl: upstream.url }),
});
