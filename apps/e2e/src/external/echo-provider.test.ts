import type { InferenceRequest } from '@golek/providers-spi';
import { providerContract } from '@golek/providers-spi/testing';
import { echoProvider } from './echo-provider.ts';

const request = (prompt: string): InferenceRequest => ({
  task: 'generate',
  model: 'echo',
  input: { type: 'text', prompt },
});

await providerContract('echo provider', {
  create: echoProvider,
  source: { name: 'echo', location: 'echo:here' },
  missing: { name: 'echo', location: 'elsewhere' },
  request: (variant) => request(`one two three ${variant}`),
  longRequest: () => request('word '.repeat(500)),
});
