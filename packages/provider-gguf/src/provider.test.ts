import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { golekTiny } from '@golek/model-tiny';
import { chooseThreads } from '@golek/providers-spi/machine';
import { createGgufProvider } from './index.ts';
import { answer, chat, complete, failure, openTiny, run, tinySource } from './tiny-model.fixture.ts';

const never = new AbortController().signal;

describe('load', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'golek-provider-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  test('more than there is memory for is refused before it is tried, and the provider goes on', async () => {
    const provider = createGgufProvider({ threads: 1, gpu: false });
    const huge = { ...tinySource, options: { contextSize: 10_000_000, parallel: 256 } };
    const error = await failure(provider.open(huge, { signal: never }), 'insufficient_memory');
    expect(Number(error.details?.['requiredBytes'])).toBeGreaterThan(Number(error.details?.['availableBytes']));
    const session = await provider.open({ ...tinySource, options: { parallel: 1 } }, { signal: never });
    expect(session.capabilities.parallel).toBe(1);
    await provider[Symbol.asyncDispose]();
  });

  test('options of a model are checked, naming the nearest key', async () => {
    const provider = createGgufProvider({ gpu: false });
    const error = await failure(
      provider.open({ ...tinySource, options: { contextSise: 1 } }, { signal: never }),
      'config_invalid',
    );
    expect(error.message).toContain("did you mean 'contextSize'?");
    await provider[Symbol.asyncDispose]();
    await failure(() => createGgufProvider({ gpus: 1 } as never), 'config_invalid');
  });

  test('a file that llama.cpp cannot read is model_invalid in its words', async () => {
    const bytes = await readFile(golekTiny.path);
    // One tensor that the architecture needs, under another name.
    bytes.write('blk.0.attn_x.weight', bytes.indexOf('blk.0.attn_q.weight'));
    const location = path.join(folder, 'missing-tensor.gguf');
    await writeFile(location, bytes);
    const lines: string[] = [];
    const keep = (_fields: object, message: string): number => lines.push(message);
    const provider = createGgufProvider({
      threads: 1,
      gpu: false,
      log: { debug: keep, info: keep, warn: keep, error: keep },
    });
    const error = await failure(provider.open({ name: 'broken', location }, { signal: never }), 'model_invalid');
    expect(error.message).toContain(location);
    expect(error.message).toContain('blk.0.attn_q.weight');
    expect(lines.join('\n')).toContain('blk.0.attn_q.weight');
    expect((await answer(await provider.open(tinySource, { signal: never }), chat('Hello!'))).choices[0]?.finish).toBe(
      'stop',
    );
    await provider[Symbol.asyncDispose]();
  });

  test('more threads than can run at once are warned of', async () => {
    const { most } = chooseThreads();
    const told: unknown[] = [];
    const warn = (fields: object, message: string): void => void told.push({ ...fields, message });
    const quiet = (): undefined => undefined;
    const provider = createGgufProvider({ gpu: false, log: { debug: quiet, info: quiet, warn, error: warn } });
    for (const threads of [most, most + 1])
      await (await provider.open({ ...tinySource, options: { threads } }, { signal: never }))[Symbol.asyncDispose]();
    expect(told).toEqual([
      {
        model: tinySource.name,
        threads: most + 1,
        processors: most,
        message: expect.stringContaining(`set 'threads' to ${most} or less`) as string,
      },
    ]);
    await provider[Symbol.asyncDispose]();
  });

  test('a model without a chat template continues text and refuses to chat', async () => {
    const bytes = await readFile(golekTiny.path);
    bytes.write('tokenizer.chat_templatX', bytes.indexOf('tokenizer.chat_template'));
    const location = path.join(folder, 'no-template.gguf');
    await writeFile(location, bytes);
    const provider = createGgufProvider({ threads: 1, gpu: false });
    const session = await provider.open({ name: 'plain', location }, { signal: never });
    expect(session.manifest.chatTemplate).toBe(false);
    expect(session.capabilities.options).not.toContain('input.chat');
    expect(session.capabilities.options).not.toContain('tools');
    expect((await answer(session, complete('Once upon a time', { maxTokens: 2 }))).choices[0]?.finish).toBe('length');
    expect((await failure(answer(session, chat('Hello!')), 'unsupported')).details).toMatchObject({
      option: 'input.chat',
    });
    await provider[Symbol.asyncDispose]();
  });
});

describe('load on a session', () => {
  test('a consumer that does not read stops its own run, not the others', async () => {
    const { provider, session } = await openTiny({ parallel: 2 });
    const slow = run(
      session,
      complete('Once upon a time', { maxTokens: 300, sampling: { temperature: 0, logitBias: { '2': -100 } } }),
    )[Symbol.asyncIterator]();
    await slow.next();
    for (let i = 0; i < 4; i++) await answer(session, chat('Count from 3 to 9.'));
    // The run is still there, with no more than its window made: it goes on to its end when it is read.
    let rest = 0;
    let last: unknown;
    for (let step = await slow.next(); !step.done; step = await slow.next()) {
      rest++;
      last = step.value;
    }
    expect(rest).toBeGreaterThan(200);
    expect(last).toMatchObject({ type: 'usage', usage: { completionTokens: 300 } });
    await provider[Symbol.asyncDispose]();
  });

  test('what a run has made ahead of its consumer is one window at most', async () => {
    const { provider, session } = await openTiny({ parallel: 2 });
    const endless = complete('Once upon a time', { sampling: { temperature: 0, logitBias: { '2': -100 } } });
    const slow = run(session, endless)[Symbol.asyncIterator]();
    await slow.next();
    // More steps than a window has events.
    await answer(session, { ...endless, maxTokens: 200 });
    await provider[Symbol.asyncDispose]();
    let ahead = 0;
    await failure(async () => {
      while (!(await slow.next()).done) ahead++;
    }, 'shutting_down');
    expect(ahead).toBeGreaterThan(30);
    expect(ahead).toBeLessThanOrEqual(64);
  });

  test('more than the queue holds is refused with overloaded, and what is in it runs', async () => {
    const { provider, session } = await openTiny({ parallel: 1, queueLimit: 2 });
    const runs = Array.from({ length: 5 }, () =>
      answer(session, chat('Count from 3 to 9.')).then(
        (result) => result.choices[0]?.text,
        (error: unknown) => (error as { code: string }).code,
      ),
    );
    expect(await Promise.all(runs)).toEqual([
      ...Array<string>(3).fill('3, 4, 5, 6, 7, 8, 9'),
      'overloaded',
      'overloaded',
    ]);
    await provider[Symbol.asyncDispose]();
  });

  test('several models of one provider do not disturb each other', async () => {
    const provider = createGgufProvider({ threads: 1, gpu: false });
    const sessions = await Promise.all(
      ['a', 'b', 'c'].map((name) => provider.open({ ...tinySource, name }, { signal: never })),
    );
    const texts = await Promise.all(
      sessions.map(async (session) => (await answer(session, chat('Hello!'))).choices[0]?.text),
    );
    expect(new Set(texts)).toEqual(new Set(['Hello! How can I help you?']));
    await sessions[0]?.[Symbol.asyncDispose]();
    expect(sessions[0]?.health().status).toBe('down');
    expect((await answer(sessions[1] as never, chat('Hello!'))).choices[0]?.text).toBe(texts[0]);
    await provider[Symbol.asyncDispose]();
  });
});
