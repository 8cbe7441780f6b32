import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { testPlugin } from '@golek/kernel/testing';
import { PROVIDER_CHECKS, runProviderCheck } from '@golek/providers-spi/testing';
import plugin from '../src/index.ts';
import { parrotProvider } from '../src/parrot.ts';

const model = { name: 'polly', location: 'parrot:polly', provider: '{{id}}' };
const ask = (prompt: string) => ({ task: 'generate', model: 'polly', input: { type: 'text', prompt } }) as const;

it('brings models that answer', async () => {
  await using test = await testPlugin(plugin, { options: { times: 2 } });
  await test.register(model);
  assert.equal(await test.ask('hello ', 'polly'), 'hello hello ');
});

it('refuses options that make no sense', async () => {
  await assert.rejects(testPlugin(plugin, { options: { times: 0 } }), /'times' is 0/);
});

// Every rule that Golek relies on: cancelling, early exit, order of events, errors, disposal.
describe('the contract of providers', () => {
  for (const check of PROVIDER_CHECKS) {
    it(check.name, async (context) => {
      const outcome = await runProviderCheck(check, {
        create: () => parrotProvider('{{id}}', 1),
        source: model,
        missing: { name: 'polly', location: 'nowhere' },
        request: (variant) => ask(`words of variant ${variant} come back one by one`),
        longRequest: () => ask('word '.repeat(300)),
      });
      if (outcome) context.skip(outcome.skipped);
    });
  }
});
