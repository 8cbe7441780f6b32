import { GolekError } from '@golek/api';
import { Command } from 'commander';
import { z } from 'zod';
import { interruptible } from './action.ts';
import { wholeNumber } from './bench/bench-plan.ts';
import { UsageError } from './exit-code.ts';
import type { Fields } from './tasks/input-lines.ts';
import { openTarget, runTask, textUnder, withField, withTaskOptions } from './tasks/task-command.ts';
import type { TaskTarget } from './tasks/task-target.ts';

/** Most documents of one query that are kept to be ordered. */
const MAX_KEPT = 100_000;

const EXAMPLES = `
Examples:
  $ golek rerank ./ranker --query 'What flies?' 'A kite.' 'A stone.'
  $ golek rerank ./ranker --query 'What flies?' --input documents.txt --top 10
  $ golek rerank ./ranker --input questions.jsonl --output ranked.jsonl    # lines with 'query' and 'documents'

The first word is the model when it is the name of one, a model file or a folder with a model; else the first known model that ranks.
With --query the inputs are documents, and a line of JSON is printed for each, the best first: its own fields, 'index' and 'score' (0 to 1).
Without it each input line is a JSON object with a 'query' and 'documents', and its answer has the 'results' beside.`;

interface RerankOptions {
  readonly query?: string;
  readonly field?: string;
  readonly top?: number;
}

/** `golek rerank`. */
export const rerankCommand = (): Command =>
  withTaskOptions(
    withField(new Command('rerank').argument('[words...]', 'model (optional) and documents'))
      .option('-q, --query <text>', 'what the documents are compared with')
      .option('--top <number>', 'the best so many documents', wholeNumber(1, MAX_KEPT))
      .addHelpText('after', EXAMPLES),
  ).action(interruptible(rerank));

const rerank = async (command: Command, signal: AbortSignal): Promise<number> => {
  const { query, field, top } = command.opts<RerankOptions>();
  await using target = await openTarget(command, { task: 'rerank' }, signal);
  if (query !== undefined) return await rankDocuments(command, target, { query, field, top }, signal);
  if (target.words.length > 0) throw new UsageError('--query is missing: what are the documents compared with?');
  if (field !== undefined) throw new UsageError('--field goes with --query: it names the key of a document');
  return await rankLines(command, target, top, signal);
};

interface Ranked {
  readonly fields: Fields;
  readonly index: number;
  readonly score: number;
}

const byScore = (one: Ranked, other: Ranked): number => other.score - one.score || one.index - other.index;

/** One query, a document a line. Each is a request of its own, which the engine evaluates together with others. */
const rankDocuments = (
  command: Command,
  target: TaskTarget,
  {
    query,
    field,
    top,
  }: { readonly query: string; readonly field: string | undefined; readonly top: number | undefined },
  signal: AbortSignal,
): Promise<number> => {
  const { model } = target;
  let ranked: Ranked[] = [];
  return runTask(
    command,
    {
      target,
      json: field === undefined ? undefined : true,
      field,
      missing: 'there is nothing to rank: write documents after the command, or name a file: golek rerank --input FILE',
      request: (line) => ({ task: 'rerank', model, query, documents: [textUnder(line, field ?? 'text')] }),
      result: ({ scores }) => ({ score: scoreOf(scores, model) }),
      collect: (fields, { index }) => {
        ranked.push({ fields, index, score: fields['score'] as number });
        if (top !== undefined && ranked.length >= 2 * top) ranked = ranked.sort(byScore).slice(0, top);
        if (ranked.length <= 2 * MAX_KEPT) return;
        throw new GolekError(
          'invalid_request',
          `more than ${2 * MAX_KEPT} documents cannot be ordered at once; ask for the best with --top, or split the input`,
        );
      },
      rest: function* () {
        for (const { fields, index, score } of ranked.sort(byScore).slice(0, top)) yield { ...fields, index, score };
      },
    },
    signal,
  );
};

const scoreOf = (scores: readonly { readonly score: number }[], model: string): number => {
  const [first] = scores;
  if (first) return first.score;
  throw new GolekError('provider_failed', `'${model}' gave no score`);
};

const Question = z.object({ query: z.string(), documents: z.array(z.string()).min(1).max(2048) });

/** A query and its documents a line. */
const rankLines = (
  command: Command,
  target: TaskTarget,
  top: number | undefined,
  signal: AbortSignal,
): Promise<number> =>
  runTask(
    command,
    {
      target,
      json: true,
      missing: "there is nothing to rank: give --query and documents, or lines with 'query' and 'documents' by --input",
      request: ({ fields }) => {
        const { data } = Question.safeParse(fields);
        if (data) return { task: 'rerank', model: target.model, ...data, ...(top !== undefined && { top }) };
        throw new GolekError(
          'invalid_request',
          "it has no 'query' with 'documents', 1 to 2048 texts; with --query each line is a document",
        );
      },
      result: ({ scores }) => ({ results: [...scores].sort((one, other) => other.score - one.score) }),
    },
    signal,
  );
