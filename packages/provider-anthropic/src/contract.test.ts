import { startFaultyUpstream } from '@golek/faulty-upstream';
import { providerContract, type ProviderContractSetup } from '@golek/providers-spi/testing';
import { afterAll } from 'vitest';
import { createAnthropicProvider } from './index.ts';
import { chat } from './upstream.fixture.ts';

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

await providerContract('Anthropic upstream', {
  ...setup('good'),
  create: () => createAnthropicProvider({ id: 'loopback', baseUrl: upstream.url, apiKey: 'secret-key' }),
});

await providerContract('Anthropic upstream with one connection, byte by byte', {
  ...setup('drip'),
  // What is long is the number of packets here.
  longRequest: () => chat('word '.repeat(250)),
  create: () => createAnthropicProvider({ id: 'loopback', baseUrl: upstream.url, connections: 1 }),
});
