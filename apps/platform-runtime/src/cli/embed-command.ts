import { endianness } from 'node:os';
import { GolekError } from '@golek/api';
import { Command, Option } from 'commander';
import { interruptible } from './action.ts';
import { wholeNumber } from './bench/bench-plan.ts';
import { openTarget, runTask, textUnder, withField, withTaskOptions } from './tasks/task-command.ts';

const EXAMPLES = `
Examples:
  $ golek embed 'A fox jumps.' 'A dog sleeps.'
  $ golek embed ./bert --input sentences.txt --output vectors.jsonl
  $ golek embed --input documents.jsonl --field body --encoding base64 | gzip > vectors.jsonl.gz
  $ golek embed --url http://127.0.0.1:11500 -i sentences.txt    # a running server

The first word is the model when it is the name of one, a model file or a folder with a model; else the first known model that embeds.
Each answer is a line of JSON: the input's own fields and 'embedding'. Lines come in the order of the inputs, and Ctrl-C leaves whole lines only.`;

interface EmbedOptions {
  readonly field?: string;
  readonly dimensions?: number;
  readonly encoding: 'float' | 'base64';
}

/** `golek embed`. */
export const embedCommand = (): Command =>
  withTaskOptions(
    withField(new Command('embed').argument('[words...]', 'model (optional) and texts'))
      .option('--dimensions <number>', 'cut vectors to so many components', wholeNumber(1, 1_000_000))
      .addOption(
        new Option('--encoding <form>', 'numbers, or little-endian 32-bit floats in base64')
          .choices(['float', 'base64'])
          .default('float'),
      )
      .addHelpText('after', EXAMPLES),
  ).action(interruptible(embed));

const embed = async (command: Command, signal: AbortSignal): Promise<number> => {
  const { field, dimensions, encoding } = command.opts<EmbedOptions>();
  await using target = await openTarget(command, { task: 'embed' }, signal);
  const job = {
    target,
    json: field === undefined ? undefined : true,
    field,
    missing: 'there is nothing to embed: write a text after the command, or name a file: golek embed --input FILE',
    request: (line: Parameters<typeof textUnder>[0]) => ({
      task: 'embed' as const,
      model: target.model,
      inputs: [textUnder(line, field ?? 'text')],
      ...(dimensions !== undefined && { dimensions }),
    }),
    result: ({ embeddings }: { readonly embeddings: readonly Float32Array[] }) => {
      const [vector] = embeddings;
      if (!vector) throw new GolekError('provider_failed', `'${target.model}' gave no vector`);
      return { embedding: encoding === 'base64' ? base64(vector) : Array.from(vector, shortest) };
    },
  };
  return await runTask(command, job, signal);
};

/** Nine digits tell every 32-bit float from its neighbours; as a double it would have twice as many. */
const shortest = (component: number): number => Number(component.toPrecision(9));

const base64 = ({ buffer, byteOffset, byteLength }: Float32Array): string => {
  const bytes = Buffer.from(buffer, byteOffset, byteLength);
  return (endianness() === 'LE' ? bytes : Buffer.from(bytes).swap32()).toString('base64');
};
