import { existsSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGolek, type RunningGolek } from '../running-golek.fixture.ts';
import { MAX_TOKENS } from './protocol.fixture.ts';
import { PROTOCOLS } from './protocols.fixture.ts';

// A trained model that is no part of the repository: what the table of pairs asks of a small one that the test writes.
const STORIES = path.resolve(import.meta.dirname, '../../../../../shared/models/stories260K-onnx/onnx/model.onnx');

describe.runIf(existsSync(STORIES))('a trained ONNX decoder', () => {
  let golek: RunningGolek;
  beforeAll(async () => {
    golek = await startGolek({ models: { bundled: false, list: [{ name: 'stories', path: STORIES }] } });
  }, 60_000);
  afterAll(() => golek[Symbol.asyncDispose]());

  const texts = PROTOCOLS.flatMap(({ name, text }) => (typeof text === 'string' ? [] : [[name, text] as const]));
  test.each(texts)('tells the same story by %s', async (_, ask) => {
    const input = { type: 'text', prompt: 'Once upon' } as const;
    const sampling = { temperature: 0 };
    const { choices } = await golek.run({ task: 'generate', model: 'stories', input, sampling, maxTokens: MAX_TOKENS });
    const story = choices[0]?.text ?? '';
    expect(story).toMatch(/^ a time/);
    expect(await ask(golek, 'stories', input.prompt, false)).toEqual([story]);
    expect((await ask(golek, 'stories', input.prompt, true)).join('')).toBe(story);
  });
});
