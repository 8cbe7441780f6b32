import { providerContract, type ProviderContractSetup } from '@golek/providers-spi/testing';
import { createGgufProvider, createIsolatedGgufProvider } from './index.ts';
import { chat, complete, tinySource } from './tiny-model.fixture.ts';

const QUESTIONS = ['Count from 3 to 9.', 'Who are you?', 'What is Golek?', 'What is 3 + 4?'];
const END_OF_TURN = '2';

const setup: Omit<ProviderContractSetup, 'create'> = {
  source: tinySource,
  missing: { name: 'none', location: '/nowhere/none.gguf' },
  request: (variant) => chat(QUESTIONS[variant] ?? '', { maxTokens: 60 }),
  longRequest: () =>
    complete('Once upon a time', { maxTokens: 900, sampling: { temperature: 0, logitBias: { [END_OF_TURN]: -100 } } }),
  // The grammar lets the model begin and then asks for what no token is.
  failing: {
    request: chat('Hi', { output: { type: 'grammar', grammar: 'root ::= "abc def" [\\x00]' } }),
    code: 'provider_failed',
  },
};

await providerContract('GGUF in process', { ...setup, create: () => createGgufProvider({ threads: 1, gpu: false }) });
await providerContract('GGUF in a process of its own', {
  ...setup,
  create: () => createIsolatedGgufProvider({ threads: 1, gpu: false }),
});
