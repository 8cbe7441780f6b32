import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ModelSession, Provider } from '@golek/providers-spi';
import {
  answer,
  chat,
  complete,
  eventsOf,
  failure,
  golden,
  goldenRequest,
  openTiny,
  run,
} from '../tiny-model.fixture.ts';

const ids = async (session: ModelSession, prompt: readonly number[], maxTokens: number): Promise<string> =>
  (await answer(session, complete([...prompt], { maxTokens }))).choices.map(({ text }) => text).join('');

// Both ways to make steps keep the same promises; what one cannot do it refuses by name.
describe.each(['batch', 'evaluate'] as const)('with the scheduler %s', (scheduler) => {
  let provider: Provider;
  let session: ModelSession;
  beforeAll(async () => {
    ({ provider, session } = await openTiny({ scheduler, parallel: 3, queueLimit: 4 }));
  });
  afterAll(() => provider[Symbol.asyncDispose]());
  const idle = (): void => expect(session.health().load).toMatchObject({ running: 0, waiting: 0, kvCache: 0 });

  test.each([1, 3])('greedy answers are the golden ones, %i at once', async (concurrency) => {
    const entries = Object.values(golden.answers);
    for (let i = 0; i < entries.length; i += concurrency) {
      await Promise.all(
        entries.slice(i, i + concurrency).map(async (entry) => {
          const { choices, usage } = await answer(session, goldenRequest(entry, { maxTokens: 320 }));
          expect(usage?.promptTokens).toBe(entry.promptTokens.length);
          if (entry.stableTokens < entry.tokens.length || entry.text.startsWith('<tool_call>')) return;
          expect(choices[0]).toMatchObject({ text: entry.text, finish: entry.finish });
          expect(usage?.completionTokens).toBe(entry.tokens.length);
        }),
      );
    }
    idle();
  });

  test('a seed gives the same answer again, and choices differ', async () => {
    const request = complete('Once upon a time', {
      maxTokens: 30,
      choices: 3,
      sampling: { temperature: 1.2, topK: 0, topP: 1, minP: 0, seed: 7, repeatPenalty: 1.3 },
    });
    const texts = async (): Promise<string[]> => (await answer(session, request)).choices.map(({ text }) => text);
    const first = await texts();
    expect(new Set(first).size).toBe(3);
    expect(await texts()).toEqual(first);
  });

  test('a prompt that was seen is reused, by its own tenant only', async () => {
    const cached = async (tenant: string): Promise<number | undefined> => {
      const request = complete('The old lighthouse keeper had a red boat.', { maxTokens: 2 });
      for await (const event of session.run(request, { id: 't', signal: new AbortController().signal, tenant }))
        if (event.type === 'usage') return event.usage.cachedPromptTokens;
      return undefined;
    };
    expect(await cached('a')).toBeLessThan(3);
    expect(await cached('a')).toBeGreaterThan(5);
    expect(await cached('b')).toBeLessThan(3);
  });

  test('a grammar holds, and a token is forced by its bias', async () => {
    const grammar = 'root ::= ("a" | "b") "c"';
    const { choices } = await answer(session, complete('Say it:', { output: { type: 'grammar', grammar } }));
    expect(choices[0]?.text).toMatch(/^[ab]c$/);
    const forced = { temperature: 0, logitBias: { 66: 100 } };
    const biased = await answer(session, complete('Say it:', { sampling: forced, maxTokens: 3 }));
    expect(new Set(biased.choices[0]?.text).size).toBe(1);
    await failure(
      answer(session, complete('x', { output: { type: 'grammar', grammar: 'root = "a"' } })),
      'invalid_request',
    );
  });

  test('an abort ends a run at once, while it generates and in a long prompt, and gives its place back', async () => {
    const long = Array.from({ length: 400 }, (_, i) => 300 + (i % 1000));
    for (const request of [chat('Hello!', { maxTokens: 400 }), complete(long, { maxTokens: 5 })]) {
      const controller = new AbortController();
      const events = run(session, request, controller.signal)[Symbol.asyncIterator]();
      const first = events.next();
      await new Promise(setImmediate);
      controller.abort();
      await failure(async () => {
        await first;
        for (let i = 0; i < 9; i++) await events.next();
      }, 'cancelled');
    }
    await expect.poll(() => session.health().load?.running).toBe(0);
    idle();
  });

  test('a consumer that does not read stops its own run only', async () => {
    const story = complete('Once upon a time', {
      maxTokens: 150,
      sampling: { temperature: 1, seed: 3, logitBias: { 2: -100, 0: -100 } },
    });
    const slow = run(session, story)[Symbol.asyncIterator]();
    await slow.next();
    await answer(session, chat('Hello!'));
    await expect.poll(async () => (await answer(session, chat('Hello!'))).choices.length).toBe(1);
    const rest: string[] = [];
    for (let next = await slow.next(); !next.done; next = await slow.next()) rest.push(next.value.type);
    expect(rest.at(-1)).toBe('usage');
    idle();
  });

  test('a full queue and a deadline that has passed are refused at once; what waits runs', async () => {
    const signal = new AbortController().signal;
    const many = Array.from({ length: 9 }, () => answer(session, chat('Count from 3 to 9.')));
    const ends = await Promise.allSettled(many);
    const refused = ends.filter((end) => end.status === 'rejected').map(({ reason }) => reason as object);
    expect(refused).toHaveLength(2);
    for (const reason of refused)
      expect(reason).toMatchObject({ code: 'overloaded', retryAfter: expect.any(Number) as number });
    const late = session.run(chat('Hello!'), { id: 't', signal, deadline: performance.now() - 1 });
    await failure(async () => {
      for await (const event of late) expect(event).toBeUndefined();
    }, 'deadline_exceeded');
    idle();
  });

  test('a deadline ends a run that is late, also while it waits', async () => {
    const ends = Array.from({ length: 4 }, async () => {
      const context = { id: 't', signal: new AbortController().signal, deadline: performance.now() + 30 };
      const request = complete('Once upon a time', { maxTokens: 400, sampling: { logitBias: { 2: -100, 0: -100 } } });
      for await (const event of session.run(request, context)) expect(event.type).toBe('text');
    });
    for (const end of await Promise.allSettled(ends)) {
      if (end.status === 'rejected')
        expect(['deadline_exceeded', 'overloaded']).toContain((end.reason as { code: string }).code);
    }
    await expect.poll(() => session.health().load?.running).toBe(0);
    idle();
  });

  test('an answer that its grammar leaves no way is an error of its own', async () => {
    const stuck = eventsOf(
      session,
      complete('x', {
        output: { type: 'grammar', grammar: 'root ::= "\\x01\\x02\\x03🎉"' },
        sampling: { temperature: 0, logitBias: {} },
        maxTokens: 20,
      }),
    );
    const [, fine] = await Promise.allSettled([stuck, answer(session, chat('Hello!'))]);
    expect(fine.status).toBe('fulfilled');
    idle();
  });

  test('what it cannot do is refused by name', async () => {
    const request = chat('Hello!', { logprobs: { top: 1 }, maxTokens: 1 });
    expect(session.capabilities.options.includes('logprobs')).toBe(scheduler === 'batch');
    if (scheduler === 'batch') {
      await answer(session, request);
      return;
    }
    const error = await failure(answer(session, request), 'unsupported');
    expect(error.details).toMatchObject({ option: 'logprobs' });
  });
});

test('both give the same tokens', async () => {
  const prompt = golden.answers['tool_answer']?.promptTokens ?? [];
  const texts: string[] = [];
  for (const scheduler of ['batch', 'evaluate'] as const) {
    const { provider, session } = await openTiny({ scheduler });
    texts.push(await ids(session, prompt, 60), await ids(session, prompt, 60));
    await provider[Symbol.asyncDispose]();
  }
  expect(new Set(texts).size).toBe(1);
});

test('without the batch calls, the log says what is lost', async () => {
  const lines: object[] = [];
  const log = { info: () => undefined, warn: (fields: object) => void lines.push(fields), error: () => undefined };
  const { provider } = await openTiny({ scheduler: 'evaluate', log } as never);
  expect(lines).toContainEqual(expect.objectContaining({ lost: expect.arrayContaining(['logprobs']) as string[] }));
  await provider[Symbol.asyncDispose]();
});
