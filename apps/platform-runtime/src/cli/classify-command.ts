import { Command } from 'commander';
import { interruptible } from './action.ts';
import { wholeNumber } from './bench/bench-plan.ts';
import type { Fields } from './tasks/input-lines.ts';
import { readMediaFile } from './tasks/media-file.ts';
import { openTarget, runTask, textUnder, withField, withTaskOptions } from './tasks/task-command.ts';
import type { TaskAnswer } from './tasks/task-target.ts';

const EXAMPLES = `
Examples:
  $ golek classify ./sentiment 'What a film!'
  $ golek classify ./sentiment --input reviews.jsonl --field body --top 1 --output labels.jsonl
  $ golek classify ./ner 'Anna works in Berlin.'
  $ golek classify ./resnet --files cat.jpg dog.jpg

The first word is the model when it is the name of one, a model file or a folder with a model; else the first known model that classifies.
Each answer is a line of JSON: the input's own fields and 'labels', the best first, each with 'label' and 'score'; of models that label pieces 'entities',
with 'start' and 'end' as well (UTF-16 units of a text, milliseconds of a recording). Lines come in the order of the inputs.`;

interface ClassifyOptions {
  readonly field?: string;
  readonly top?: number;
  readonly files?: boolean;
}

/** `golek classify`. */
export const classifyCommand = (): Command =>
  withTaskOptions(
    withField(new Command('classify').argument('[words...]', 'model (optional) and texts'))
      .option('--top <number>', 'the best so many labels of each input', wholeNumber(1, 1_000_000))
      .option('--files', 'the inputs are names of files with pictures or recordings')
      .addHelpText('after', EXAMPLES),
  ).action(interruptible(classify));

const classify = async (command: Command, signal: AbortSignal): Promise<number> => {
  const { field, top, files = false } = command.opts<ClassifyOptions>();
  await using target = await openTarget(command, { task: 'classify' }, signal);
  return await runTask(
    command,
    {
      target,
      json: field === undefined ? undefined : true,
      field,
      missing:
        'there is nothing to classify: write a text after the command, or name a file: golek classify --input FILE',
      request: async (line) => {
        const text = textUnder(line, field ?? 'text');
        return {
          task: 'classify',
          model: target.model,
          inputs: [files ? await readMediaFile(text) : text],
          ...(top !== undefined && { top }),
        };
      },
      result: ({ labels }, line) => labelFields(labels, files ? undefined : textUnder(line, field ?? 'text')),
    },
    signal,
  );
};

/** `text`: what the labelled pieces are pieces of. */
const labelFields = (labels: TaskAnswer['labels'], text: string | undefined): Fields => {
  if (labels.some(({ start }) => start === undefined))
    return { labels: labels.map(({ label, score }) => ({ label, score })) };
  // Only where pieces are labelled may an input have no label.
  return {
    entities: labels.map(({ label, score, start, end }) => ({
      label,
      score,
      start,
      end,
      ...(text !== undefined && { text: text.slice(start, end) }),
    })),
  };
};
