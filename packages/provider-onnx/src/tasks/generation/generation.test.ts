import type { GenerateRequest, InferenceEvent, RunContext } from '@golek/providers-spi';
import { describe, expect, test } from 'vitest';
import type { OnnxTensor } from '../../graph.ts';
import { openTasks } from '../open-tasks.ts';
import { planTasks } from '../task-plan.ts';
import { FunctionGraph, filesOf, floats, port, rowsOf } from '../text-model.fixture.ts';
import { Sampler, samplerSettings, type SamplerSettings } from './sampler.ts';

/** Byte-level tokens: the letters a to h, a space, the two bytes of "é", and special ones. */
const SPELLINGS = ['<s>', '</s>', ...'abcdefgh'.split(''), 'Ġ', 'Ã', '©'];
const tokenizer = {
  added_tokens: [0, 1].map((id) => ({ id, content: SPELLINGS[id], special: true, normalized: false })),
  normalizer: null,
  pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, use_regex: false },
  post_processor: {
    type: 'TemplateProcessing',
    single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
    pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
    special_tokens: {},
  },
  decoder: { type: 'ByteLevel' },
  model: {
    type: 'BPE',
    vocab: Object.fromEntries(SPELLINGS.map((text, id) => [text, id])),
    merges: [],
    unk_token: null,
  },
};
const PAST = ['batch', 2, 'past', 1];
const INPUTS = [
  port('input_ids'),
  port('attention_mask'),
  port('position_ids'),
  port('past_key_values.0.key', PAST, 'FP32'),
  port('past_key_values.0.value', PAST, 'FP32'),
];
const OUTPUTS = [
  port('logits', ['batch', 'sequence', SPELLINGS.length], 'FP32'),
  port('present.0.key', PAST, 'FP32'),
  port('present.0.value', PAST, 'FP32'),
];

type Feeds = Readonly<Record<string, OnnxTensor>>;

/**
 * A decoder that says what it has been told in its cache: the logits are highest for the token after the last one, so that "a" is answered with "bcdefgh é" and
 * its end. It checks positions, mask and cache at each step.
 */
const alphabet = (feeds: Feeds): Record<string, OnnxTensor> => {
  const [ids = []] = rowsOf(feeds['input_ids'] as OnnxTensor);
  const past = [...((feeds['past_key_values.0.key'] as OnnxTensor).data as Float32Array)];
  const before = past.slice(0, past.length / 2);
  const all = [...before, ...ids];
  expect(rowsOf(feeds['attention_mask'] as OnnxTensor)).toEqual([all.map(() => 1)]);
  expect(rowsOf(feeds['position_ids'] as OnnxTensor)).toEqual([ids.map((_, index) => before.length + index)]);
  const logits = ids.flatMap((id) =>
    SPELLINGS.map((_, token) =>
      token === (id + 1 === SPELLINGS.length ? 1 : id + 1) ? 5 : token === 1 ? -5 : token / 100,
    ),
  );
  const cache = floats([1, 2, all.length, 1], [...all, ...all]);
  return {
    logits: floats([1, ids.length, SPELLINGS.length], logits),
    'present.0.key': cache,
    'present.0.value': cache,
  };
};

const open = (config: object = {}, generation: object = {}, chatTemplate?: string) => {
  const files = filesOf({
    config: { max_position_embeddings: 64, eos_token_id: 1, ...config },
    tokenizer,
    tokenizerConfig: { bos_token: '<s>', eos_token: '</s>' },
    generation: { ...generation },
    chatTemplate,
  });
  const graph = new FunctionGraph(INPUTS, OUTPUTS, alphabet);
  const plan = planTasks('m', files, graph, {});
  const tasks = openTasks(plan, { name: 'm', graph, queueLimit: 1, batchTokens: 512 });
  if (!tasks) throw new Error('no tasks');
  const events = (request: Partial<GenerateRequest>, context: Partial<RunContext> = {}) =>
    tasks.run(
      { task: 'generate', model: 'm', input: { type: 'text', prompt: 'a' }, sampling: { temperature: 0 }, ...request },
      { id: '1', signal: AbortSignal.timeout(10_000), ...context },
    );
  const ask = (request: Partial<GenerateRequest> = {}, context: Partial<RunContext> = {}): Promise<InferenceEvent[]> =>
    Array.fromAsync(events(request, context));
  return { graph, plan, tasks, events, ask };
};

const textOf = (events: readonly InferenceEvent[], choice = 0): string =>
  events.flatMap((event) => (event.type === 'text' && event.choice === choice ? [event.text] : [])).join('');
const endOf = (events: readonly InferenceEvent[]): InferenceEvent | undefined =>
  events.find(({ type }) => type === 'finish');
const code = (expected: string): object => expect.objectContaining({ code: expected }) as object;

describe('generation with a cache', () => {
  test('goes on from the cache, a token a step, whole characters only', async () => {
    const { ask, graph, plan } = open();
    expect(plan).toMatchObject({
      tasks: ['generate', 'tokenize', 'detokenize'],
      contextLength: 64,
      chatTemplate: false,
    });
    const events = await ask();
    expect(textOf(events)).toBe('bcdefgh é');
    expect(endOf(events)).toEqual({ type: 'finish', choice: 0, reason: 'stop' });
    expect(events.at(-1)).toMatchObject({ type: 'usage', usage: { promptTokens: 2, completionTokens: 10 } });
    expect(events.every((event) => event.type !== 'text' || !event.text.includes('\uFFFD'))).toBe(true);
    expect(graph.fed.map((feeds) => feeds['input_ids']?.dims)).toEqual([[1, 2], ...Array<number[]>(10).fill([1, 1])]);
  });

  test('ends at a limit, a stop string, a stop token or a full context', async () => {
    const { ask } = open();
    const limited = await ask({ maxTokens: 3 });
    expect([textOf(limited), endOf(limited)]).toEqual(['bcd', { type: 'finish', choice: 0, reason: 'length' }]);
    const stopped = await ask({ stop: ['ef', 'zz'] });
    expect([textOf(stopped), endOf(stopped)]).toEqual([
      'bcd',
      { type: 'finish', choice: 0, reason: 'stop', stop: 'ef' },
    ]);
    expect(textOf(await ask({ stopTokens: [SPELLINGS.indexOf('f')] }))).toBe('bcde');
    expect(textOf(await open({ max_position_embeddings: 5 }).ask())).toBe('bcd');
    const forever = await ask({ ignoreEos: true, maxTokens: 30 });
    expect(forever.at(-1)).toMatchObject({ usage: { completionTokens: 30 } });
    await expect(open({ max_position_embeddings: 2 }).ask()).rejects.toThrow(code('context_length_exceeded'));
  });

  test('evaluates long prompts in pieces', async () => {
    const { ask, graph } = open({ max_position_embeddings: 1_000 });
    expect(textOf(await ask({ input: { type: 'text', prompt: 'ab'.repeat(150) + 'g' }, maxTokens: 2 }))).toBe('h ');
    expect(graph.fed.map((feeds) => feeds['input_ids']?.dims[1])).toEqual([128, 128, 46, 1]);
  });

  test('several choices go on from one evaluated prompt, each with its seed', async () => {
    const { ask, graph } = open();
    const request = { choices: 3, maxTokens: 8, sampling: { temperature: 20, topK: 0, topP: 1, minP: 0, seed: 7 } };
    const events = await ask(request);
    expect(graph.fed.filter((feeds) => feeds['input_ids']?.dims[1] === 2)).toHaveLength(1);
    const texts = [0, 1, 2].map((choice) => textOf(events, choice));
    expect(new Set(texts).size).toBeGreaterThan(1);
    const again = await ask(request);
    expect([0, 1, 2].map((choice) => textOf(again, choice))).toEqual(texts);
    expect(events.filter(({ type }) => type === 'finish')).toHaveLength(3);
  });

  test('tokens, echo, special tokens of the prompt, tokens that it does not have', async () => {
    const { ask } = open();
    const tokens = [0, 2];
    expect(textOf(await ask({ input: { type: 'text', prompt: tokens } }))).toBe('bcdefgh é');
    expect(textOf(await ask({ input: { type: 'text', prompt: 'ab', echo: true } }))).toBe('abcdefgh é');
    await expect(ask({ input: { type: 'text', prompt: [99] } })).rejects.toThrow(code('invalid_request'));
    await expect(ask({ stopTokens: [99] })).rejects.toThrow(code('invalid_request'));
  });

  test('log-probabilities are of the distribution of the model, one for each token of the text', async () => {
    const { ask } = open();
    const events = await ask({
      maxTokens: 3,
      logprobs: { top: 2 },
      sampling: { temperature: 0, logitBias: { 8: 100 } },
    });
    const logprobs = events.flatMap((event) => (event.type === 'text' ? (event.logprobs ?? []) : []));
    expect(logprobs.map(({ text }) => text)).toEqual(['g', 'g', 'g']);
    expect(logprobs[0]?.top.map(({ text }) => text)[0]).toBe('b');
    expect(logprobs[0]?.logprob).toBeLessThan(logprobs[0]?.top[0]?.logprob ?? 0);
  });

  test("chats with the model's own template", async () => {
    const template =
      "{% for message in messages %}{{ message['content'] }}{% endfor %}{% if add_generation_prompt %}g{% endif %}";
    const { ask, tasks } = open({}, {}, template);
    expect(tasks.options).toContain('input.chat');
    const content = [{ type: 'text' as const, text: 'abc' }];
    const input = { type: 'chat' as const, messages: [{ role: 'user' as const, content }] };
    expect(textOf(await ask({ input }))).toBe('h é');
    expect(open().tasks.options).not.toContain('input.chat');
    await expect(open().ask({ input })).rejects.toThrow(code('unsupported'));
    expect(() => open({}, {}, '{% if')).toThrow(code('model_invalid'));
  });

  test('a slow reader holds only itself; an abort, a leaving reader and an unload end runs', async () => {
    const { ask, events, tasks } = open();
    const iterator = events({ maxTokens: 5 })[Symbol.asyncIterator]();
    await iterator.next();
    expect(tasks.load).toEqual({ running: 1, waiting: 0 });
    expect(textOf(await ask({ maxTokens: 2 }))).toBe('bc');
    await iterator.return?.();
    expect(tasks.load.running).toBe(0);
    await expect(ask({}, { signal: AbortSignal.abort() })).rejects.toThrow(code('cancelled'));
    const held = Array.from({ length: 4 }, () => events({})[Symbol.asyncIterator]());
    await Promise.all(held.map((one) => one.next()));
    const waiting = ask();
    await expect(ask()).rejects.toThrow(code('overloaded'));
    await held[0]?.return?.();
    expect(textOf(await waiting)).toBe('bcdefgh é');
    await tasks[Symbol.asyncDispose]();
    await expect(ask()).rejects.toThrow(code('shutting_down'));
  });
});

test('a graph that asks for how many tokens logits are wanted gets 1', async () => {
  const graph = new FunctionGraph([...INPUTS, port('num_logits_to_keep', [])], OUTPUTS, alphabet);
  const plan = planTasks('m', filesOf({ tokenizer, tokenizerConfig: { eos_token: '</s>' } }), graph, {});
  const tasks = openTasks(plan, { name: 'm', graph, queueLimit: 1, batchTokens: 512 });
  const request = {
    task: 'generate' as const,
    model: 'm',
    input: { type: 'text' as const, prompt: 'g' },
    maxTokens: 2,
  };
  await Array.fromAsync(tasks?.run(request, { id: '1', signal: AbortSignal.timeout(10_000) }) ?? []);
  expect(graph.fed.map(({ num_logits_to_keep: keep }) => [keep?.dims, keep?.data])).toEqual(
    Array(2).fill([[], BigInt64Array.of(1n)]),
  );
});

test('a graph that wants more than tokens and its cache is not for generation', () => {
  const tasks = (inputs = INPUTS, outputs = OUTPUTS) =>
    planTasks('m', filesOf({ tokenizer }), { inputs, outputs }, {}).tasks;
  expect(tasks()).toContain('generate');
  expect(tasks([...INPUTS, port('num_logits_to_keep', [])])).toContain('generate');
  expect(tasks([...INPUTS, port('encoder_hidden_states', ['b', 's', 8], 'FP32')])).toEqual([]);
  expect(tasks([...INPUTS, port('use_cache_branch', [1], 'BOOL')])).toEqual([]);
  expect(tasks(INPUTS, OUTPUTS.slice(0, 2))).toEqual([]);
});

describe('Sampler', () => {
  const settings = (more: Partial<SamplerSettings>): SamplerSettings => ({
    ...samplerSettings({ topK: 0, topP: 1, minP: 0, temperature: 1 }, {}, 1, []),
    ...more,
  });
  const drawn = (logits: number[], more: Partial<SamplerSettings>, count = 4_000): number[] => {
    const sampler = new Sampler(settings(more));
    const counts = Array<number>(logits.length).fill(0);
    for (let i = 0; i < count; i++) counts[sampler.sample(logits)]! += 1 / count;
    return counts;
  };

  test('draws as often as the distribution says', () => {
    const [one = 0, two = 0, three = 0] = drawn([Math.log(0.5), Math.log(0.3), Math.log(0.2)], {}, 20_000);
    expect(one).toBeCloseTo(0.5, 1);
    expect(two).toBeCloseTo(0.3, 1);
    expect(three).toBeCloseTo(0.2, 1);
  });

  test('filters: top-k, top-p, min-p, temperature', () => {
    const logits = [0.5, 0.25, 0.15, 0.1].map(Math.log);
    expect(drawn(logits, { topK: 2 }).map((part) => part > 0)).toEqual([true, true, false, false]);
    expect(drawn(logits, { topP: 0.7 }).map((part) => part > 0)).toEqual([true, true, false, false]);
    expect(drawn(logits, { minP: 0.29 }).map((part) => part > 0)).toEqual([true, true, true, false]);
    expect(drawn(logits, { temperature: 0.01 })[0]).toBeCloseTo(1, 5);
    expect(new Sampler(settings({ temperature: 0 })).sample([1, 3, 3, 2])).toBe(1);
  });

  test('bias, tokens that are never chosen and penalties of the answer', () => {
    const greedy = (more: Partial<SamplerSettings>) => new Sampler(settings({ temperature: 0, ...more }));
    expect(greedy({ logitBias: [[0, 10]] }).sample([1, 3])).toBe(0);
    expect(greedy({ never: [1] }).sample([1, 3])).toBe(0);
    expect(() => greedy({ never: [0, 1] }).sample([1, 3])).toThrow('no token');
    const repeated = greedy({ repeat: 2 });
    expect([repeated.sample([2, 3]), repeated.sample([2, 3])]).toEqual([1, 0]);
    const recent = greedy({ presence: 5, lastTokens: 1 });
    expect([1, 2, 3].map(() => recent.sample([2, 3, 1]))).toEqual([1, 0, 1]);
  });

  test("what a request leaves open is the model's, else the defaults", () => {
    expect(samplerSettings({}, {}, 1, [])).toMatchObject({
      temperature: 0.8,
      topK: 40,
      topP: 0.95,
      minP: 0.05,
      repeat: 1,
    });
    expect(samplerSettings({ topK: 3 }, { temperature: 0, topK: 9 }, 1, [])).toMatchObject({ temperature: 0, topK: 3 });
  });
});
