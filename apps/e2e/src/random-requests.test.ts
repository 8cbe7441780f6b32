import { ERROR_CODES } from '@golek/api';
import { randomOf, type Random } from '@golek/chaos';
import { golekTiny } from '@golek/model-tiny';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { residentMiB, serve, untilReady, type GolekServer } from './golek-server.fixture.ts';

const REQUESTS = 1_000;
const AT_ONCE = 6;

const NUMBERS = [0, 1, -1, 2, 0.5, 1.5, 16, 1e9, -1e9, 1e308, 4_294_967_296, null, '1', true, [], {}];
const STRINGS = ['', 'x', 'Once upon', 'x'.repeat(5_000), '\0', '\ud800', '🦊', 5, null, [], {}];
const FLAGS = [true, false, null, 0, 'true', []];

/** What may stand in any body that generates, with values of which some are right. */
const GENERATING: Readonly<Record<string, readonly unknown[]>> = {
  temperature: NUMBERS,
  top_p: NUMBERS,
  top_k: NUMBERS,
  min_p: NUMBERS,
  seed: NUMBERS,
  n: [1, 2, 4, 0, -1, 1e6, null, 'x'],
  repeat_penalty: NUMBERS,
  repeat_last_n: NUMBERS,
  frequency_penalty: NUMBERS,
  presence_penalty: NUMBERS,
  logit_bias: [{ 2: -100 }, { 99999: 5 }, { a: 1 }, { 5: 1e9 }, [], null, 5],
  xtc_probability: NUMBERS,
  xtc_threshold: NUMBERS,
  dry_multiplier: NUMBERS,
  dry_base: NUMBERS,
  dry_allowed_length: NUMBERS,
  dry_penalty_last_n: NUMBERS,
  dry_sequence_breakers: [['\n', ':'], [], [''], [5], ['x'.repeat(500)], Array(2_000).fill('x'), null, 'x'],
  ignore_eos: FLAGS,
  stop_token_ids: [[2], [], [-1], [99_999_999], ['x'], Array(500).fill(3), null, 2],
  n_predict: [4, -1, 0, -2, 1e9, null, 'x'],
  stop: ['x', ['a', 'b'], [], [''], Array(50).fill('x'), 5, null],
  lora: [
    [{ name: 'none' }],
    [{ name: 'none', scale: 1e9 }],
    [{ id: 0 }],
    [],
    [5],
    'x',
    Array(50).fill({ name: 'x' }),
    null,
  ],
  grammar: ['root ::= "a"', 'root ::= (', 'root ::= root', '', 'x'.repeat(2_000), 'root ::= [', 5, null],
  response_format: [
    { type: 'text' },
    { type: 'json_object' },
    {
      type: 'json_schema',
      json_schema: { name: 'x', schema: { type: 'object', properties: { a: { type: 'integer' } } } },
    },
    { type: 'json_schema', json_schema: { name: 'x', schema: { $ref: '#' } } },
    { type: 'json_schema', json_schema: { name: 'x', schema: { type: 'string', pattern: '(a+)+$', maxLength: 1e9 } } },
    { type: 'json_schema' },
    5,
    null,
  ],
  stream: FLAGS,
  stream_options: [{ include_usage: true }, {}, { x: 1 }, null, 5],
  mirostat: [0, 1, 2, null],
  typical_p: [1, 0.5, null],
  cache_prompt: FLAGS,
  user: STRINGS,
  logprobs: [0, 5, 21, -1, true, false, null, 'x'],
};

const CHAT: Readonly<Record<string, readonly unknown[]>> = {
  ...GENERATING,
  top_logprobs: NUMBERS,
  reasoning_effort: ['none', 'low', 'high', 'max', 'x', '', 5, null],
  reasoning_format: ['auto', 'deepseek', 'none', 'x', 5, null],
  chat_template_kwargs: [
    { enable_thinking: false },
    { enable_thinking: 'x' },
    { messages: [] },
    { a: { b: { c: [1, { d: 2 }] } } },
    { __proto__: { x: 1 } },
    { constructor: 1 },
    Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`k${i}`, i])),
    [],
    5,
    null,
  ],
  tools: [
    [{ type: 'function', function: { name: 'f', parameters: { type: 'object', properties: {} } } }],
    [{ type: 'function', function: { name: 'f', parameters: { $ref: '#' } } }],
    [{ type: 'function', function: { name: '' } }],
    [{ type: 'x' }],
    [],
    5,
    null,
  ],
  tool_choice: ['auto', 'none', 'required', { type: 'function', function: { name: 'g' } }, 'x', 5, null],
  parallel_tool_calls: FLAGS,
  messages: [
    [{ role: 'assistant', content: 'I', reasoning_content: 'hm' }],
    [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,x' } }] }],
    [{ role: 'system', content: '' }],
    [{ role: 'tool', content: 'x', tool_call_id: 'y' }],
    [],
    'x',
    null,
  ],
};

const COMPLETION: Readonly<Record<string, readonly unknown[]>> = {
  ...GENERATING,
  prompt: [...STRINGS, [1, 2, 3], [[1], [2]], ['a', 'b'], [-1], [99_999_999], [1.5], [[]], Array(5_000).fill(5)],
  suffix: STRINGS,
  echo: FLAGS,
  best_of: [1, 3, 20, 0, -1, 1e6, null, 'x'],
};

const RERANK: Readonly<Record<string, readonly unknown[]>> = {
  query: STRINGS,
  documents: [
    ['a', 'b'],
    [{ text: 'a' }],
    [{ txt: 'a' }],
    [''],
    [],
    [5],
    Array(3_000).fill('x'),
    ['x'.repeat(50_000)],
    'x',
    null,
  ],
  top_n: NUMBERS,
  return_documents: FLAGS,
  max_tokens_per_doc: NUMBERS,
  rank_fields: [['a'], null, 5],
};

const EMBEDDING: Readonly<Record<string, readonly unknown[]>> = {
  input: [...STRINGS, ['a', 'b'], [1, 2], [[1], [2]], [-1], [99_999_999], []],
  dimensions: NUMBERS,
  encoding_format: ['float', 'base64', 'x', 5, null],
};

const model = golekTiny.name;
const ROUTES = [
  {
    path: '/v1/chat/completions',
    base: { model, messages: [{ role: 'user', content: 'Hi' }], max_tokens: 3 },
    fields: CHAT,
  },
  { path: '/v1/completions', base: { model, prompt: 'Once', max_tokens: 3 }, fields: COMPLETION },
  { path: '/v1/rerank', base: { model, query: 'a', documents: ['b', 'c'] }, fields: RERANK },
  { path: '/v1/embeddings', base: { model, input: 'Once' }, fields: EMBEDDING },
] as const;

const randomBody = (random: Random): { path: string; body: string } => {
  // Most are about generation.
  const { path, base, fields } = random.of([...ROUTES, ...ROUTES.slice(0, 2), ...ROUTES.slice(0, 2)]);
  const body: Record<string, unknown> = { ...base };
  for (let count = 1 + random.below(4); count > 0; count--) {
    const field = random.of(Object.keys(fields));
    body[field] = random.of(fields[field] ?? [null]);
  }
  return { path, body: JSON.stringify(body) };
};

let server: GolekServer;
beforeAll(async () => {
  server = await serve({ args: ['--gguf.contextSize=256', '--reliability.retry.attempts=1'] });
  await untilReady(server.url);
});
afterAll(() => server[Symbol.asyncDispose]());

const send = (path: string, body: string): Promise<Response> =>
  fetch(`${server.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
    signal: AbortSignal.timeout(60_000),
  });

/** What is wrong with the answer to a body; undefined: nothing. */
const complaint = async (path: string, body: string, statuses: Map<number, number>): Promise<string | undefined> => {
  const response = await send(path, body);
  statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
  const text = await response.text();
  const told = `${path} ${body.slice(0, 600)} -> ${response.status} ${text.slice(0, 600)}`;
  if (response.status === 200)
    return text.includes('"error"') && /"code":"(?:internal|engine_crashed|provider_failed)"/.test(text)
      ? told
      : undefined;
  if (response.status < 400 || response.status >= 500) return told;
  const { error } = JSON.parse(text) as { error?: { code?: string; message?: string } };
  const known = (ERROR_CODES as readonly string[]).includes(error?.code ?? '');
  const length = error?.message?.length ?? 0;
  return known && length > 10 && length < 2_000 ? undefined : told;
};

it(
  `${REQUESTS} random bodies: an answer or a clear refusal each, and the server lives`,
  { timeout: 300_000 },
  async () => {
    const complaints: string[] = [];
    const statuses = new Map<number, number>();
    const before = residentMiB(server.pid);
    let next = 0;
    const work = async (): Promise<void> => {
      while (next < REQUESTS) {
        const { path, body } = randomBody(randomOf(++next));
        const wrong = await complaint(path, body, statuses);
        if (wrong !== undefined) complaints.push(wrong);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    // It would find nothing if nearly all were refused.
    expect(statuses.get(200)).toBeGreaterThan(REQUESTS / 10);
    expect(complaints.slice(0, 10)).toEqual([]);
    expect(server.process.exitCode).toBeNull();
    expect(server.output()).not.toMatch(/uncaught|unhandled|engine_crashed/i);
    expect(residentMiB(server.pid) - before).toBeLessThan(150);
    const response = await send('/v1/completions', JSON.stringify({ model, prompt: 'Once', max_tokens: 4 }));
    expect(response.status).toBe(200);
  },
);
