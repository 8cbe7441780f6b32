import type { InferenceEvent } from '@golek/providers-spi';
import { expect, test } from 'vitest';
import type { OnnxTensor } from '../graph.ts';
import { wordPieces } from '../text/tokenizer.fixture.ts';
import { entitiesOf, type LabelledToken } from './entities.ts';
import { openTasks } from './open-tasks.ts';
import type { TaskOptions } from './task-options.ts';
import { planTasks } from './task-plan.ts';
import { BERT_INPUTS, FunctionGraph, filesOf, floats, port, rowsOf } from './text-model.fixture.ts';

const LABELS = ['O', 'B-PER', 'I-PER', 'B-LOC', 'I-LOC'];
const KINDS: Readonly<Record<string, string>> = {
  john: 'B-PER',
  smith: 'I-PER',
  london: 'B-LOC',
  new: 'B-LOC',
  york: 'I-LOC',
  '[UNK]': 'B-LOC',
  // Pieces of words are whatever; the first one counts.
  '##s': 'B-LOC',
};
const SPELLINGS = Object.keys(wordPieces.model.vocab);

const tagger = (feeds: Readonly<Record<string, OnnxTensor>>): Record<string, OnnxTensor> => {
  const rows = rowsOf(feeds['input_ids'] as OnnxTensor);
  const logits = rows.flatMap((row) =>
    row.flatMap((id) => LABELS.map((label) => (label === (KINDS[SPELLINGS[id] ?? ''] ?? 'O') ? 4 : 0))),
  );
  return { logits: floats([rows.length, rows[0]?.length ?? 0, LABELS.length], logits) };
};

const open = (options: TaskOptions = {}, more: object = {}) => {
  const id2label = Object.fromEntries(LABELS.map((label, id) => [id, label]));
  const files = filesOf({ config: { architectures: ['BertForTokenClassification'], id2label }, ...more });
  const outputs = [port('logits', ['batch', 'sequence', LABELS.length], 'FP32')];
  const graph = new FunctionGraph(BERT_INPUTS, outputs, tagger);
  const plan = planTasks('m', files, graph, options);
  const tasks = openTasks(plan, { name: 'm', graph, queueLimit: 4, batchTokens: 512 });
  const ask = async (inputs: string[], top?: number): Promise<InferenceEvent[]> => {
    const request = { task: 'classify' as const, model: 'm', inputs, ...(top !== undefined && { top }) };
    return Array.fromAsync(tasks?.run(request, { id: '1', signal: AbortSignal.timeout(10_000) }) ?? []);
  };
  const entities = async (inputs: string[], top?: number): Promise<[number, string, string][]> =>
    (await ask(inputs, top)).flatMap((event) =>
      event.type === 'label'
        ? [[event.index, event.label, (inputs[event.index] ?? '').slice(event.start, event.end)]]
        : [],
    );
  return { plan, ask, entities };
};

test('gives the entities of each text with their places', async () => {
  const { plan, entities, ask } = open();
  expect(plan.tasks).toEqual(['classify', 'tokenize', 'detokenize']);
  const texts = ['John Smith lives in London, New York.', 'the cat', 'London  London', 'Smith works at Xyzzy.'];
  expect(await entities(texts)).toEqual([
    [0, 'PER', 'John Smith'],
    [0, 'LOC', 'London'],
    [0, 'LOC', 'New York'],
    [2, 'LOC', 'London'],
    [2, 'LOC', 'London'],
    [3, 'PER', 'Smith'],
    [3, 'LOC', 'Xyzzy'],
  ]);
  const [first] = await ask(['John']);
  const certain = Math.exp(4) / (Math.exp(4) + 4);
  expect(first).toEqual({
    type: 'label',
    index: 0,
    label: 'PER',
    score: expect.closeTo(certain, 5) as number,
    start: 0,
    end: 4,
  });
  expect(await entities(['John lives in London'], 1)).toHaveLength(1);
});

test('pieces of a word go with its first one', async () => {
  expect(await open().entities(['Johns cats'])).toEqual([[0, 'PER', 'Johns']]);
});

test('places are right in texts that were cut at either end', async () => {
  for (const direction of ['Right', 'Left']) {
    const truncation = { max_length: 5, strategy: 'LongestFirst', direction, stride: 0 };
    const { entities } = open({}, { tokenizer: { ...wordPieces, truncation } });
    const found = await entities(['John lives in London the cat sat on York']);
    expect(found).toEqual(direction === 'Right' ? [[0, 'PER', 'John']] : [[0, 'LOC', 'York']]);
  }
});

test('entities: tags that begin anew, labels without tags', () => {
  const token = (label: string, start: number, continues = false): LabelledToken => ({
    span: { start, end: start + 2 },
    continues,
    label,
    score: start / 10,
  });
  const found = (...tokens: LabelledToken[]): string[] =>
    entitiesOf(tokens).map(({ label, start, end }) => `${label} ${start}-${end}`);
  expect(found(token('B-X', 0), token('I-X', 3), token('B-X', 6))).toEqual(['X 0-5', 'X 6-8']);
  expect(found(token('X', 0), token('X', 3), token('O', 6), token('X', 9))).toEqual(['X 0-5', 'X 9-11']);
  expect(found(token('I-X', 0), token('I-Y', 3), token('O', 5, true))).toEqual(['X 0-2', 'Y 3-7']);
  expect(found(token('S-X', 0), token('E-X', 3), token('O', 6), token('O', 8, true))).toEqual(['X 0-5']);
  expect(entitiesOf([token('B-X', 2), token('I-X', 4)])[0]?.score).toBeCloseTo(0.3, 5);
});
