import type { InferenceEvent, InferenceRequest, RunContext, SpanData } from '@golek/providers-spi';
import { describe, expect, test } from 'vitest';
import type { OnnxTensor, TensorPort } from '../graph.ts';
import type { JsonObject } from '../text/json-fields.ts';
import { wordPieces } from '../text/tokenizer.fixture.ts';
import type { ModelFiles } from './model-files.ts';
import { openTasks } from './open-tasks.ts';
import type { TaskOptions } from './task-options.ts';
import { planTasks } from './task-plan.ts';
import { BERT_INPUTS, FunctionGraph, filesOf, floats, port, rowsOf, tokenVectors } from './text-model.fixture.ts';

const HIDDEN = port('last_hidden_state', ['batch', 'sequence', 3], 'FP32');
const LOGITS = port('logits', ['batch', 3], 'FP32');

interface Setup {
  readonly files?: Partial<ModelFiles>;
  readonly options?: TaskOptions;
  readonly inputs?: readonly TensorPort[];
  readonly outputs?: readonly TensorPort[];
  readonly compute?: (feeds: Readonly<Record<string, OnnxTensor>>) => Record<string, OnnxTensor>;
}

const open = (setup: Setup = {}) => {
  const { files, options = {}, inputs = BERT_INPUTS, outputs = [HIDDEN], compute = tokenVectors } = setup;
  const graph = new FunctionGraph(inputs, outputs, compute);
  const plan = planTasks('m', filesOf(files), graph, options);
  const tasks = openTasks(plan, { name: 'm', graph, queueLimit: 4, batchTokens: 512 });
  if (!tasks) throw new Error('no tasks');
  const ask = (request: InferenceRequest, context: Partial<RunContext> = {}): Promise<InferenceEvent[]> =>
    Array.fromAsync(tasks.run(request, { id: '1', signal: AbortSignal.timeout(10_000), ...context }));
  return { graph, plan, tasks, ask };
};

const embedding = (inputs: (string | number[])[], more: object = {}): InferenceRequest => ({
  task: 'embed',
  model: 'm',
  inputs,
  ...more,
});

const vectorsOf = (events: readonly InferenceEvent[]): number[][] =>
  events.flatMap((event) => (event.type === 'embedding' ? [[...event.vector]] : []));

const code = (expected: string, message?: string): object =>
  expect.objectContaining({
    code: expected,
    ...(message !== undefined && { message: expect.stringContaining(message) as string }),
  }) as object;

const vocabulary = wordPieces.model.vocab as Readonly<Record<string, number>>;
const id = (token: string): number => vocabulary[token] ?? -1;

describe('embedding', () => {
  const expected = (ids: number[]): number[] => {
    const mean = ids.reduce((sum, value) => sum + value, 0) / ids.length;
    const norm = Math.hypot(mean, 1);
    return [mean / norm, 0, 1 / norm];
  };

  test('pools the tokens of each input alone, whatever stands beside it', async () => {
    const { ask, graph, plan } = open();
    const events = await ask(embedding(['the cat', 'cat', 'the cat sat on the mat']));
    const vectors = vectorsOf(events);
    const around = (...words: string[]): number[] => [id('[CLS]'), ...words.map(id), id('[SEP]')];
    for (const [index, ids] of [around('the', 'cat'), around('cat')].entries())
      for (const [i, component] of expected(ids).entries()) expect(vectors[index]?.[i]).toBeCloseTo(component, 5);
    expect(events.at(-1)).toEqual({ type: 'usage', usage: { promptTokens: 4 + 3 + 8, completionTokens: 0 } });
    expect(events.filter(({ type }) => type === 'embedding').map((event) => 'index' in event && event.index)).toEqual([
      0, 1, 2,
    ]);
    expect(plan).toMatchObject({ tasks: ['embed', 'tokenize', 'detokenize'], embeddingLength: 3 });
    expect(graph.fed.length).toBeLessThan(3);
    const masks = graph.fed.flatMap((feeds) => rowsOf(feeds['attention_mask'] as OnnxTensor));
    expect(masks.map((mask) => mask.reduce((sum, bit) => sum + bit, 0)).sort()).toEqual([3, 4, 8]);
  });

  test.each([
    ['cls', (ids: number[]) => ids[0]],
    ['last', (ids: number[]) => ids.at(-1)],
    ['max', (ids: number[]) => Math.max(...ids)],
    ['mean', (ids: number[]) => ids.reduce((sum, value) => sum + value, 0) / ids.length],
  ] as const)('pooling %s, with padding on either side', async (pooling, component) => {
    for (const side of ['left', 'right']) {
      const tokenizerConfig = { ...filesOf().tokenizerConfig, padding_side: side };
      const { ask } = open({ options: { pooling, normalize: false }, files: { tokenizerConfig } });
      const [first] = vectorsOf(await ask(embedding(['the cat', 'the cat sat on'])));
      expect(first?.[0]).toBeCloseTo(component([id('[CLS]'), id('the'), id('cat'), id('[SEP]')]) ?? 0, 5);
    }
  });

  test('takes what sentence-transformers says of pooling, and refuses what is not done here', () => {
    const pooling = (mode: string): JsonObject => ({ word_embedding_dimension: 3, [`pooling_mode_${mode}`]: true });
    expect(open({ files: { pooling: pooling('cls_token') } }).plan.detail).toMatchObject({ pooling: 'cls' });
    expect(open({ files: { pooling: pooling('lasttoken') } }).plan.detail).toMatchObject({ pooling: 'last' });
    expect(() => open({ files: { pooling: pooling('weightedmean_tokens') } })).toThrow(
      code('unsupported', 'weightedmean'),
    );
    expect(() => open({ files: { steps: ['Transformer', 'Pooling', 'Dense'] } })).toThrow(
      code('unsupported', "'Dense'"),
    );
    expect(open({ files: { steps: ['Transformer', 'Dense'] }, options: { pooling: 'mean' } }).plan.tasks).toContain(
      'embed',
    );
  });

  test("prefers the graph's own pooled output", async () => {
    const outputs = [HIDDEN, port('sentence_embedding', ['batch', 2], 'FP32')];
    const { ask, plan } = open({
      outputs,
      compute: (feeds) => ({
        sentence_embedding: floats(
          [rowsOf(feeds['input_ids'] as OnnxTensor).length, 2],
          [3, 4, 0, 0].slice(0, 2 * rowsOf(feeds['input_ids'] as OnnxTensor).length),
        ),
      }),
    });
    expect(plan.embeddingLength).toBe(2);
    const [vector] = vectorsOf(await ask(embedding(['cat'])));
    expect(vector?.map((component) => Number(component.toFixed(4)))).toEqual([0.6, 0.8]);
  });

  test('cuts vectors to the dimensions asked for and normalises again', async () => {
    const { ask } = open();
    const [vector] = vectorsOf(await ask(embedding(['cat'], { dimensions: 2 })));
    expect(vector).toHaveLength(2);
    expect(Math.hypot(...(vector ?? []))).toBeCloseTo(1, 5);
    await expect(ask(embedding(['cat'], { dimensions: 4 }))).rejects.toThrow(code('invalid_request', '3 components'));
    const silent = open({ outputs: [port('last_hidden_state', ['batch', 'sequence', 'hidden'], 'FP32')] });
    await expect(silent.ask(embedding(['cat'], { dimensions: 4 }))).rejects.toThrow(
      code('invalid_request', '3 components'),
    );
  });

  test('takes tokens, and refuses those that the model does not have', async () => {
    const { ask } = open();
    expect(vectorsOf(await ask(embedding([[id('cat')]])))).toEqual(vectorsOf(await ask(embedding(['cat']))));
    await expect(ask(embedding([[9_999]]))).rejects.toThrow(code('invalid_request', '9999'));
  });

  test('texts that are too long are refused, unless files or options say to cut them', async () => {
    const files = { config: { max_position_embeddings: 6 } };
    const long = 'the cat sat on the mat';
    await expect(open({ files }).ask(embedding(['cat', long]))).rejects.toThrow(
      code('context_length_exceeded', "'inputs[1]' has 8 tokens"),
    );
    const cut = await open({ files: { ...files, sentences: { max_seq_length: 5 } } }).ask(embedding(['cat', long]));
    expect(cut[0]).toMatchObject({
      type: 'warning',
      message: expect.stringContaining('inputs[1] was cut to 5 tokens') as string,
    });
    expect(cut.at(-1)).toMatchObject({ usage: { promptTokens: 3 + 5 } });
    const always = await open({ files, options: { truncate: 'always' } }).ask(embedding([long]));
    expect(always.at(-1)).toMatchObject({ usage: { promptTokens: 6 } });
    const truncation = { max_length: 4, strategy: 'LongestFirst', direction: 'Right', stride: 0 };
    const tokenizer = { ...wordPieces, truncation };
    const saved = await open({ files: { ...files, tokenizer } }).ask(embedding([long]));
    expect(saved.at(-1)).toMatchObject({ usage: { promptTokens: 4 } });
    const said = await open({ files: { ...files, tokenizer, sentences: { max_seq_length: 5 } } }).ask(
      embedding([long]),
    );
    expect(said.at(-1)).toMatchObject({ usage: { promptTokens: 5 } });
    const never = open({
      files: { ...files, tokenizer, sentences: { max_seq_length: 5 } },
      options: { truncate: 'never' },
    });
    await expect(never.ask(embedding([long]))).rejects.toThrow(code('context_length_exceeded'));
  });

  test('answers many runs at once in batches, and each its own', async () => {
    const { ask, graph, tasks } = open();
    const words = ['cat', 'dog', 'the cat', 'a dog sat on a mat', 'tree'];
    const alone = await Promise.all(words.map((word) => ask(embedding([word]))));
    expect(graph.fed.length).toBeLessThan(words.length);
    for (const [index, word] of words.entries()) expect(await ask(embedding([word]))).toEqual(alone[index]);
    expect(tasks.load).toEqual({ running: 0, waiting: 0 });
    const runs = Array.from({ length: 7 }, () =>
      ask(embedding(['cat'])).catch((error: unknown) => (error as { code: string }).code),
    );
    expect((await Promise.all(runs)).filter((outcome) => outcome === 'overloaded')).toHaveLength(2);
  });

  test('tells where the time of a run went to whoever traces it', async () => {
    const spans: SpanData[] = [];
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const context = { traceparent, onSpan: (span: SpanData) => void spans.push(span) };
    await open().ask(embedding(['cat']), context);
    expect(spans).toMatchObject([
      { name: 'embed', parentSpanId: 'b7ad6b7169203331', attributes: { 'gen_ai.usage.input_tokens': 3 } },
    ]);
    const failing = open({ compute: () => ({}) });
    await expect(failing.ask(embedding(['cat']), context)).rejects.toThrow(code('provider_failed'));
    expect(spans[1]).toMatchObject({ name: 'embed', error: { type: 'provider_failed' } });
  });

  test('an abort ends a run; a reader that leaves takes its inputs along', async () => {
    const { ask, tasks } = open();
    await expect(ask(embedding(['cat']), { signal: AbortSignal.abort() })).rejects.toThrow(code('cancelled'));
    for await (const event of tasks.run(embedding(Array<string>(600).fill('cat')), {
      id: '1',
      signal: AbortSignal.timeout(5_000),
    })) {
      expect(event.type).toBe('embedding');
      break;
    }
    expect(tasks.load).toEqual({ running: 0, waiting: 0 });
    await tasks[Symbol.asyncDispose]();
    await expect(ask(embedding(['cat']))).rejects.toThrow(code('shutting_down'));
  });

  test('a graph without a mask only gets inputs of one length together; a fixed size is filled up', async () => {
    const { ask, graph } = open({ inputs: [port('input_ids', ['b', 's'], 'INT32')] });
    await ask(embedding(['cat', 'the cat', 'dog', 'the dog']));
    expect(graph.fed.map(({ input_ids: ids }) => ids?.dims)).toEqual([
      [2, 3],
      [2, 4],
    ]);
    expect(graph.fed[0]?.['input_ids']?.data).toBeInstanceOf(Int32Array);
    const padding = { strategy: { Fixed: 16 }, direction: 'Right', pad_id: 0, pad_type_id: 0 };
    const saved = open({ files: { tokenizer: { ...wordPieces, padding } } });
    await saved.ask(embedding(['cat']));
    expect(saved.graph.fed[0]?.['input_ids']?.dims).toEqual([1, 3]);
    const fixed = open({ inputs: [port('input_ids', [2, 8]), port('attention_mask', [2, 8])] });
    expect(vectorsOf(await fixed.ask(embedding(['cat', 'dog', 'tree'])))).toHaveLength(3);
    expect(fixed.graph.fed.map((feeds) => feeds['input_ids']?.dims)).toEqual([
      [2, 8],
      [2, 8],
    ]);
    await expect(fixed.ask(embedding(['the cat sat on the mat the cat']))).rejects.toThrow(
      code('context_length_exceeded'),
    );
  });
});

/** Logits that are the input's tokens after the special one. */
const echoLogits =
  (classes: number) =>
  (feeds: Readonly<Record<string, OnnxTensor>>): Record<string, OnnxTensor> => {
    const rows = rowsOf(feeds['input_ids'] as OnnxTensor);
    return {
      logits: floats(
        [rows.length, classes],
        rows.flatMap((row) => Array.from({ length: classes }, (_, i) => (row[i + 1] ?? 0) / 10)),
      ),
    };
  };

describe('classification', () => {
  const config = { architectures: ['BertForSequenceClassification'], id2label: { 0: 'good', 1: 'bad', 2: 'odd' } };
  const classify = (more: object = {}): InferenceRequest => ({
    task: 'classify',
    model: 'm',
    inputs: ['the cat sat'],
    ...more,
  });
  const logits = [id('the'), id('cat'), id('sat')].map((value) => value / 10);

  test('gives labels with probabilities that sum to 1, the best first', async () => {
    const { ask, plan } = open({ files: { config }, outputs: [LOGITS], compute: echoLogits(3) });
    expect(plan.tasks).toEqual(['classify', 'tokenize', 'detokenize']);
    const events = await ask(classify());
    const labels = events.flatMap((event) => (event.type === 'label' ? [event] : []));
    const sum = logits.reduce((total, logit) => total + Math.exp(logit), 0);
    expect(labels.map(({ label }) => label)).toEqual(
      ['good', 'bad', 'odd'].sort(
        (a, b) => (logits[['good', 'bad', 'odd'].indexOf(b)] ?? 0) - (logits[['good', 'bad', 'odd'].indexOf(a)] ?? 0),
      ),
    );
    for (const { label, score } of labels)
      expect(score).toBeCloseTo(Math.exp(logits[['good', 'bad', 'odd'].indexOf(label)] ?? 0) / sum, 5);
    expect((await ask(classify({ top: 1 }))).filter(({ type }) => type === 'label')).toHaveLength(1);
  });

  test('several labels of one input have probabilities of their own', async () => {
    const { ask } = open({
      files: { config: { ...config, problem_type: 'multi_label_classification' } },
      outputs: [LOGITS],
      compute: echoLogits(3),
    });
    const scores = (await ask(classify())).flatMap((event) => (event.type === 'label' ? [event.score] : []));
    const expected = logits.map((logit) => 1 / (1 + Math.exp(-logit))).sort((a, b) => b - a);
    for (const [index, score] of scores.entries()) expect(score).toBeCloseTo(expected[index] ?? 0, 5);
  });
});

test('reranking scores pairs, the best document first', async () => {
  const { ask, plan, graph } = open({
    files: { config: { architectures: ['BertForSequenceClassification'], id2label: { 0: 'LABEL_0' } } },
    outputs: [port('logits', ['batch', 1], 'FP32')],
    compute: (feeds) => {
      const rows = rowsOf(feeds['input_ids'] as OnnxTensor);
      const types = rowsOf(feeds['token_type_ids'] as OnnxTensor);
      // How much of the second text is in the first.
      const logits = rows.map((row, r) => {
        const first = new Set(row.filter((token, i) => types[r]?.[i] === 0 && token > 3));
        return row.filter((token, i) => types[r]?.[i] === 1 && first.has(token)).length - 1;
      });
      return { logits: floats([rows.length, 1], logits) };
    },
  });
  expect(plan.tasks).toContain('rerank');
  const documents = ['a tree', 'the cat sat', 'the car', 'the cat'];
  const events = await ask({ task: 'rerank', model: 'm', query: 'the cat sat', documents, top: 3 });
  const scores = events.flatMap((event) => (event.type === 'score' ? [event] : []));
  expect(scores.map(({ index }) => index)).toEqual([1, 3, 2]);
  expect(scores[0]?.score).toBeCloseTo(1 / (1 + Math.exp(-2)), 5);
  expect(graph.fed.length).toBeLessThan(4);
});

describe('what a graph is for', () => {
  const plan = (setup: Setup) => {
    const { files, options = {}, inputs = BERT_INPUTS, outputs = [HIDDEN] } = setup;
    return planTasks('m', filesOf(files), { inputs, outputs }, options).tasks;
  };

  test('nothing but tensors where the files do not say', () => {
    expect(plan({ files: { tokenizer: undefined } })).toEqual([]);
    expect(plan({ inputs: [port('x', [1, 3, 224, 224], 'FP32')] })).toEqual([]);
    expect(plan({ outputs: [port('anything', ['b', 's', 3], 'FP32')] })).toEqual([]);
    expect(plan({ options: { task: 'tensor' } })).toEqual([]);
    expect(plan({ inputs: [...BERT_INPUTS, port('pixel_values', [1, 3, 8, 8], 'FP32')] })).toEqual([]);
    const causal = { config: { architectures: ['GPT2LMHeadModel'] } };
    expect(plan({ files: causal, outputs: [port('logits', ['b', 's', 30], 'FP32')] })).toEqual([]);
  });

  test('what is asked for, where the graph can', () => {
    const outputs = [port('scores', ['b', 3], 'FP32')];
    expect(plan({ outputs, options: { task: 'classify' } })).toContain('classify');
    expect(() => plan({ files: { tokenizer: undefined }, options: { task: 'embed' } })).toThrow(
      code('unsupported', 'tokenizer.json'),
    );
    expect(() => plan({ inputs: [port('x')], options: { task: 'embed' } })).toThrow(code('unsupported', 'input_ids'));
    expect(() => plan({ outputs, options: { task: 'generate' } })).toThrow(code('unsupported'));
  });

  test('how many tokens it takes: the least that its files say', () => {
    const length = (
      config: JsonObject,
      tokenizerConfig: JsonObject = {},
      options: TaskOptions = {},
    ): number | undefined =>
      planTasks('m', filesOf({ config, tokenizerConfig }), { inputs: BERT_INPUTS, outputs: [HIDDEN] }, options)
        .contextLength;
    expect(length({})).toBeUndefined();
    expect(length({ max_position_embeddings: 512 }, { model_max_length: 1e30 })).toBe(512);
    expect(length({ max_position_embeddings: 512 }, { model_max_length: 128 })).toBe(128);
    expect(length({ max_position_embeddings: 514, model_type: 'roberta' })).toBe(512);
    expect(length({ max_position_embeddings: 512 }, {}, { contextSize: 64 })).toBe(64);
  });
});

test('tokens and texts of the model, without an engine', async () => {
  const { ask } = open();
  const tokens = await ask({ task: 'tokenize', model: 'm', text: 'the cats' });
  expect(tokens[0]).toEqual({ type: 'tokens', tokens: [id('the'), id('cat'), id('##s')] });
  const more = await ask({ task: 'tokenize', model: 'm', text: 'the [SEP]', addSpecial: true, parseSpecial: true });
  expect(more[0]).toEqual({ type: 'tokens', tokens: [id('[CLS]'), id('the'), id('[SEP]')] });
  const text = await ask({ task: 'detokenize', model: 'm', tokens: [id('the'), id('cat'), id('##s')] });
  expect(text[0]).toEqual({ type: 'text', choice: 0, text: 'the cats' });
  const { tasks } = open();
  const context = { id: '1', signal: AbortSignal.timeout(1_000) };
  expect(() => tasks.run({ task: 'detokenize', model: 'm', tokens: [999] }, context)).toThrow(code('invalid_request'));
  expect(() => tasks.run({ task: 'rerank', model: 'm', query: '', documents: ['a'] }, context)).toThrow(
    code('unsupported'),
  );
});
