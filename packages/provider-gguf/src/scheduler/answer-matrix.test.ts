import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { collect } from '@golek/api/plain';
import type { GenerateRequest, ModelSession } from '@golek/providers-spi';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { GgufProviderOptions } from '../index.ts';
import { complete, openTiny, run } from '../tiny-model.fixture.ts';

/** Tokens without a meaning, which all prompts begin with. */
const common = Array.from({ length: 240 }, (_, i) => 300 + ((i * 104_729 + i * i * 31) % 2000));
const promptOf = (index: number): number[] => [
  ...common,
  ...Array.from({ length: 20 }, (_, i) => 400 + index * 50 + i),
];

const drawn = (seed: number) => ({ temperature: 1, topK: 0, topP: 1, minP: 0, seed });
const words = { type: 'grammar', grammar: 'root ::= ("one " | "two " | "three ")+' } as const;
const MAX_TOKENS = 24;

/** What differs between them is all that an answer may depend on. */
const requests: readonly GenerateRequest[] = [
  complete(promptOf(0), { maxTokens: MAX_TOKENS }),
  complete(promptOf(1), { maxTokens: MAX_TOKENS, sampling: drawn(1) }),
  complete(promptOf(1), { maxTokens: MAX_TOKENS, sampling: drawn(2) }),
  complete(promptOf(2), { maxTokens: MAX_TOKENS, output: words }),
  complete(promptOf(3), { maxTokens: MAX_TOKENS, output: words, sampling: drawn(3) }),
  complete(promptOf(4), { maxTokens: MAX_TOKENS, sampling: { ...drawn(4), repeatPenalty: 1.2 } }),
  complete(promptOf(5), { maxTokens: MAX_TOKENS, ignoreEos: true }),
  complete(promptOf(0), { maxTokens: MAX_TOKENS }),
];

let folder: string;
let reference: string[];
const references = async (): Promise<string[]> => {
  const texts: string[] = [];
  for (const request of requests) {
    // Nothing of an earlier prompt is there.
    const { provider, session } = await openTiny({ parallel: 1, contextSize: 512 });
    texts.push((await textOf(session, request)).text);
    await provider[Symbol.asyncDispose]();
  }
  return texts;
};

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'golek-matrix-'));
  reference = await references();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const textOf = async (session: ModelSession, request: GenerateRequest): Promise<{ text: string; reused: number }> => {
  const { choices, usage } = await collect(run(session, request));
  return { text: choices[0]?.text ?? '', reused: usage?.cachedPromptTokens ?? 0 };
};

/** All requests, so many at once. */
const askAll = async (session: ModelSession, concurrency: number): Promise<{ text: string; reused: number }[]> => {
  const answers: { text: string; reused: number }[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let index = next++; index < requests.length; index = next++)
      answers[index] = await textOf(session, requests[index] as GenerateRequest);
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  return answers;
};

/** Where copying the cells costs more than evaluating the prompt, they are not copied: not every answer reuses some. */
const expectSame = (answers: readonly { text: string; reused: number }[], reused: number): void => {
  expect(answers.map(({ text }) => text)).toEqual(reference);
  expect(Math.max(...answers.map((answer) => answer.reused))).toBeGreaterThanOrEqual(reused);
};

const opened = async (options: GgufProviderOptions, work: (session: ModelSession) => Promise<void>): Promise<void> => {
  const { provider, session } = await openTiny({ contextSize: 512, ...options });
  try {
    await work(session);
  } finally {
    await provider[Symbol.asyncDispose]();
  }
};

const modes = [1, 3, 8].flatMap((concurrency) =>
  (['off', 'prompt-lookup'] as const).map((speculation) => ({ concurrency, speculation })),
);

describe.each(modes)('$concurrency at once, speculation $speculation: greedy, drawn and with a grammar', (mode) => {
  const { concurrency, speculation } = mode;
  const states = (): string => path.join(folder, `${concurrency}-${speculation}`);

  test('the same answers cold, beside a sequence with the same beginning, from warm slots, and from disk', async () => {
    // A place more: for the one that runs beside them.
    const options = { parallel: concurrency + 1, speculation, prefixCacheDir: states() };
    await opened(options, async (session) => {
      expectSame(await askAll(session, concurrency), 0);
      const beside = new AbortController();
      const long = run(session, complete(promptOf(9), { maxTokens: 200, ignoreEos: true }), beside.signal);
      const reader = long[Symbol.asyncIterator]();
      await reader.next();
      expectSame(await askAll(session, concurrency), common.length);
      beside.abort();
      await reader.return?.(undefined);
      expectSame(await askAll(session, concurrency), common.length);
    });
    await opened(options, async (session) => {
      expectSame(await askAll(session, concurrency), common.length);
      expect(session.health().load?.prefix?.restoredTokens).toBeGreaterThan(0);
    });
  });
});

test('beside other prompts that come and go', async () => {
  await opened({ parallel: 8 }, async (session) => {
    const stop = new AbortController();
    const noise = Array.from({ length: 3 }, async (_, lane) => {
      for (let round = 0; !stop.signal.aborted; round++) {
        const prompt = Array.from(
          { length: 30 + ((round * 37) % 90) },
          (_, i) => 500 + lane * 100 + ((i * 7 + round) % 90),
        );
        await textOf(session, complete(prompt, { maxTokens: 5, ignoreEos: true }));
      }
    });
    for (let round = 0; round < 3; round++) expectSame(await askAll(session, 3), 0);
    stop.abort();
    await Promise.all(noise);
  });
});
