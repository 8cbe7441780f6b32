import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { golekTiny } from '@golek/model-tiny';
import type { GenerateRequest, ModelSession, Provider } from '@golek/providers-spi';
import { withEntries } from './gguf-writer.fixture.ts';
import { createGgufProvider } from './index.ts';
import { answer, complete, failure, tinySource } from './tiny-model.fixture.ts';

const never = new AbortController().signal;
const MARKS = { prefix: 300, suffix: 301, middle: 302 };
let folder: string;
let provider: Provider;
let session: ModelSession;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'golek-infill-'));
  provider = createGgufProvider({ threads: 1, gpu: false });
  const location = path.join(folder, 'fills-in.gguf');
  // golek-tiny was not taught to fill in; for what is asked of it, any tokens will do.
  const marks = {
    'tokenizer.ggml.fim_pre_token_id': MARKS.prefix,
    'tokenizer.ggml.fim_suf_token_id': MARKS.suffix,
    'tokenizer.ggml.fim_mid_token_id': MARKS.middle,
  };
  await writeFile(location, withEntries(await readFile(golekTiny.path), marks));
  session = await provider.open({ name: 'fills-in', location }, { signal: never });
});
afterAll(async () => {
  await provider[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

const between = (prompt: string | number[], suffix: string): GenerateRequest => ({
  ...complete(prompt, { maxTokens: 12 }),
  input: { type: 'text', prompt, suffix },
});
const tokensOf = async (text: string): Promise<number[]> =>
  (await answer(session, { task: 'tokenize', model: 'm', text })).tokens;

test('the prompt is prefix and suffix between the marks of the model', async () => {
  const { prefix, suffix, middle } = MARKS;
  const before = await tokensOf('def add(a, b):\n');
  const after = await tokensOf('\n\nprint(add(1, 2))');
  const whole = [prefix, ...before, suffix, ...after, middle];
  const filled = await answer(session, between('def add(a, b):\n', '\n\nprint(add(1, 2))'));
  const same = await answer(session, complete(whole, { maxTokens: 12 }));
  expect(filled.choices).toEqual(same.choices);
  expect(filled.usage?.promptTokens).toBe(same.usage?.promptTokens);
  const fromTokens = await answer(session, between(before, '\n\nprint(add(1, 2))'));
  expect(fromTokens.choices).toEqual(same.choices);
});

test('the spelling of a special token is text there', async () => {
  const plain = await answer(session, between('<|im_end|>', 'x'));
  expect(plain.usage?.promptTokens).toBeGreaterThan((await tokensOf('x')).length + 4);
});

test('everything else that a request can ask for works there', async () => {
  const { choices } = await answer(session, {
    ...between('once', 'end'),
    output: { type: 'grammar', grammar: 'root ::= "ab" | "cd"' },
    choices: 2,
  });
  for (const { text } of choices) expect(['ab', 'cd']).toContain(text);
});

test('a prefix and suffix that do not fit are refused, never cut', async () => {
  const error = await failure(answer(session, between('a '.repeat(800), 'b '.repeat(800))), 'context_length_exceeded');
  expect(error.details?.['promptTokens']).toBeGreaterThan(1024);
});

test('a model that was not taught to fill in refuses by name', async () => {
  await using plain = await provider.open(tinySource, { signal: never });
  expect((await failure(answer(plain, between('a', 'b')), 'unsupported')).details).toMatchObject({ option: 'suffix' });
});
