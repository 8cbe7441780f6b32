import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { InferenceEvent, ModelSession, Provider } from '@golek/providers-spi';
import { readHugePages } from '@golek/providers-spi/machine';
import { createIsolatedGgufProvider } from './index.ts';
import { adapterBytes } from './tiny-adapter.fixture.ts';
import { writeEncoder } from './tiny-encoder.fixture.ts';
import { answer, chat, eventsOf, failure, golden, goldenRequest, openTiny, tinySource } from './tiny-model.fixture.ts';

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

/** Of the processes that this one has started. */
const children = (): string[] =>
  readdirSync('/proc/self/task').flatMap((task) =>
    readFileSync(`/proc/self/task/${task}/children`, 'utf8').split(' ').filter(Boolean),
  );

test.runIf(readHugePages().mode === 'madvise' && readHugePages().used)('an engine asks for huge pages', () => {
  const engines = children().filter((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('golek-tiny'));
  expect(engines).toHaveLength(1);
  // `hg`: the process has asked for them for this part of its memory.
  expect(readFileSync(`/proc/${engines[0] ?? ''}/smaps`, 'utf8')).toMatch(/^VmFlags:.* hg( |$)/m);
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

test('ranking, adapters and their refusal cross the border', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'golek-isolated-'));
  try {
    const location = await writeEncoder(path.join(folder, 'ranker.gguf'), { pooling: 4, classifier: true });
    await using ranker = await provider.open({ name: 'ranker', location }, { signal: never });
    const documents = ['a red kite', 'a dog'];
    const { scores } = await answer(ranker, { task: 'rerank', model: 'ranker', query: 'what flies', documents });
    expect(scores).toHaveLength(2);

    const file = path.join(folder, 'adapter.gguf');
    const bytes = await adapterBytes();
    const withAdapter = { ...tinySource, options: { adapters: { tone: { path: file, scale: 3 } } } };
    await writeFile(file, bytes.subarray(0, 1000));
    expect((await failure(provider.open(withAdapter, { signal: never }), 'model_invalid')).message).toContain("'tone'");
    await writeFile(file, bytes);
    await using adapted = await provider.open(withAdapter, { signal: never });
    const plain = (await answer(adapted, chat('What is Golek?'))).choices;
    expect(plain).toEqual((await answer(session, chat('What is Golek?'))).choices);
    const toned = await answer(adapted, chat('What is Golek?', { adapters: [{ name: 'tone' }], maxTokens: 40 }));
    expect(toned.choices).not.toEqual(plain);
    const unknown = chat('x', { adapters: [{ name: 'tune' }] });
    expect((await failure(answer(adapted, unknown), 'invalid_request')).details).toMatchObject({ known: ['tone'] });
  } finally {
    await rm(folder, { recursive: true });
  }
});
