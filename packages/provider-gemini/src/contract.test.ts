import { startFaultyUpstream } from '@golek/faulty-upstream';
import { providerContract, type ProviderContractSetup } from '@golek/providers-spi/testing';
import { afterAll } from 'vitest';
import { createGeminiProvider } from './index.ts';
import { chat, geminiUrl } from './upstream.fixture.ts';

const upstream = await startFaultyUpstream({
  models: { good: { kind: 'ok' }, drip: { kind: 'drip' } },
});
afterAll(() => upstream[Symbol.asyncDispose]());

const setup = (location: string): Omit<ProviderContractSetup, 'create'> => ({
  source: { name: 'm', location, options: { verify: true } },
  missing: { name: 'm', location: 'none', options: { verify: true } },
  request: (variant) => chat(`one two thrée ${variant}`),
  longRequest: () => chat('word '.repeat(400)),
  probes: { activeRuns: () => upstream.open },
});

await providerContract('Gemini upstream', {
  ...setup('good'),
  create: () => createGeminiProvider({ id: 'loopback', baseUrl: geminiUrl(upstream), apiKey: 'secret-key' }),
});

await providerContract('Gemini upstream with one connection, byte by byte', {
  ...setup('drip'),
  // What is long is the number of packets here.
  longRequest: () => chat('word '.repeat(250)),
  create: () => createGeminiProvider({ id: 'loopback', baseUrl: geminiUrl(upstream), connections: 1 }),
});
