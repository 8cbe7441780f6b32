import { afterAll, beforeAll, expect, test } from 'vitest';
import type { InferenceEvent, ModelSession, Provider } from '@golek/providers-spi';
import { createIsolatedGgufProvider } from './index.ts';
import { answer, eventsOf, failure, golden, goldenRequest, openTiny, tinySource } from './tiny-model.fixture.ts';

const never = new AbortController().signal;
let provider: Provider;
let session: ModelSession;

beforeAll(async () => {
  provider = createIsolatedGgufProvider({ threads: 1, gpu: false });
  session = await provider.open(tinySource, { signal: never });
});
afterAll(() => provider[Symbol.asyncDispose]());

/** Without the times, which are never the same. */
const untimed = (events: readonly InferenceEvent[]): InferenceEvent[] =>
  events.map((event) => {
    if (event.type !== 'usage') return event;
    expect(Object.values(event.usage.timings ?? {})).toHaveLength(3);
    const { promptTokens, completionTokens, cachedPromptTokens } = event.usage;
    return { type: 'usage', usage: { promptTokens, completionTokens, cachedPromptTokens } };
  });

test('answers are those of the same code in this process', async () => {
  const { provider: inside, session: local } = await openTiny();
  expect(session.capabilities).toEqual(local.capabilities);
  expect(session.manifest).toEqual(local.manifest);
  for (const name of ['hello', 'golek', 'json', 'tool_answer']) {
    const entry = golden.answers[name];
    if (!entry) throw new Error(`golden.json has no ${name}`);
    const request = goldenRequest(entry, { logprobs: { top: 2 } });
    expect(untimed(await eventsOf(session, request))).toEqual(untimed(await eventsOf(local, request)));
  }
  const vector = { task: 'embed', model: 'golek-tiny', inputs: ['a red kite'] } as const;
  const request = { ...vector, inputs: [...vector.inputs] };
  expect((await answer(session, request)).embeddings).toEqual((await answer(local, request)).embeddings);
  await inside[Symbol.asyncDispose]();
});

test('errors keep their code, message and details', async () => {
  const error = await failure(
    provider.open({ ...tinySource, options: { contextSise: 1 } }, { signal: never }),
    'config_invalid',
  );
  expect(error.message).toContain("did you mean 'contextSize'?");
  await failure(provider.open({ name: 'none', location: '/nowhere.gguf' }, { signal: never }), 'model_not_found');
  await failure(() => createIsolatedGgufProvider({ treads: 1 } as never), 'config_invalid');
});
