import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { GolekError, type NamedTensor } from '@golek/api';
import { jsonTensor } from '@golek/protocols/tensors';
import { Command } from 'commander';
import { interruptible } from './action.ts';
import { UsageError } from './exit-code.ts';
import type { Fields } from './tasks/input-lines.ts';
import { openLineWriter } from './tasks/line-writer.ts';
import { npyOf } from './tasks/npy.ts';
import { openTarget, runTask, withTaskOptions, type TaskOptions } from './tasks/task-command.ts';
import type { TaskTarget } from './tasks/task-target.ts';
import { readTensorFields, readTensorFlag, type TensorInputs } from './tasks/tensor-input.ts';
import { tensorText } from './tasks/tensor-text.ts';
import { writeOut } from './write-out.ts';

const EXAMPLES = `
Examples:
  $ golek infer mnist.onnx --tensor Input3=digit.npy
  $ golek infer mnist.onnx --tensor Input3=digit.npy --save results     # results/NAME.npy for each output
  $ golek infer mnist.onnx --input request.json --json
  $ golek infer mnist.onnx --input requests.jsonl --output answers.jsonl

A request is a JSON object with 'inputs', a list of { name, type, shape, data }, and perhaps 'outputs', the names of those wanted, as for POST /v1/infer;
a file of --tensor is a NumPy array (.npy) or JSON with { type, shape, data }. Types are FP32, INT64, BYTES and so on; 'data' is flat or nested, or bytes in base64.
A file named .json is one request; any other has one a line, and its answers are lines of JSON: the input's own fields and 'outputs'.`;

interface InferOptions extends TaskOptions {
  readonly tensor?: string[];
  readonly outputs?: string[];
  readonly json?: boolean;
  readonly save?: string;
}

const append = (value: string, all: readonly string[] | undefined): string[] => [...(all ?? []), value];

/** `golek infer`. */
export const inferCommand = (): Command =>
  withTaskOptions(
    new Command('infer')
      .argument('[model]', 'name of a model, a model file or a folder with a model')
      .option('-t, --tensor <name=file>', 'an input of the graph; repeatable', append)
      .option('--outputs <list>', 'names of the outputs wanted, separated by commas', (text) => text.split(','))
      .option('--json', 'print one request as JSON, too')
      .option('--save <folder>', 'write the outputs of one request as .npy files')
      .addHelpText('after', EXAMPLES),
  ).action(interruptible(infer));

const infer = async (command: Command, signal: AbortSignal): Promise<number> => {
  const { tensor = [], input, outputs, save } = command.opts<InferOptions>();
  if (tensor.length > 0 && input !== undefined)
    throw new UsageError('tensors are given by --tensor and by --input; give them in one way');
  const one = await oneRequest(tensor, input);
  if (!one && save !== undefined)
    throw new UsageError('--save takes the outputs of one request: use --tensor, or a file named .json');
  await using target = await openTarget(command, { task: 'tensor' }, signal);
  const [model] = target.words;
  if (model !== undefined) throw new UsageError(`'${model}' is no known model and no model file`);
  if (one) return await answerOne(command, target, { ...one, ...(outputs && { outputs }) }, signal);
  return await runTask(
    command,
    {
      target,
      json: true,
      missing: 'there is no tensor: give one by --tensor NAME=FILE, or requests by --input FILE',
      request: ({ fields }) => ({
        task: 'tensor',
        model: target.model,
        ...readTensorFields(fields),
        ...(outputs && { outputs }),
      }),
      result: ({ tensors }) => ({ inputs: undefined, ...outputFields(tensors) }),
    },
    signal,
  );
};

const outputFields = (tensors: readonly NamedTensor[]): Fields => ({
  outputs: tensors.map((tensor) => jsonTensor(tensor, 'json')),
});

/** What the flags or a .json file ask for; undefined where there are lines to be read. */
const oneRequest = async (flags: readonly string[], file: string | undefined): Promise<TensorInputs | undefined> => {
  if (flags.length > 0) return { inputs: await Promise.all(flags.map(readTensorFlag)) };
  if (file === undefined || !/\.json$/i.test(file)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(await readFile(file, 'utf8'));
  } catch (thrown) {
    throw new UsageError(`--input ${file}: ${(thrown as Error).message}`);
  }
  return readTensorFields(value as Fields);
};

const answerOne = async (
  command: Command,
  target: TaskTarget,
  inputs: TensorInputs,
  signal: AbortSignal,
): Promise<number> => {
  const { json = false, output, input, save } = command.opts<InferOptions>();
  using loading = target.showLoading();
  const { tensors, warnings } = await target.run({ task: 'tensor', model: target.model, ...inputs }, signal);
  loading[Symbol.dispose]();
  for (const warning of warnings) process.stderr.write(`golek: ${warning}\n`);
  if (save !== undefined) await saveAll(save, tensors);
  if (json || output !== undefined) {
    await using writer = await openLineWriter(output, input);
    await writer.write(outputFields(tensors));
  } else await writeOut(tensors.map(tensorText).join(''));
  return 0;
};

/** Names of outputs may have slashes and worse. */
const fileOf = (name: string): string => `${name.replaceAll(/[^\w.-]+/g, '_')}.npy`;

const saveAll = async (folder: string, tensors: readonly NamedTensor[]): Promise<void> => {
  const files = new Map(tensors.map((tensor) => [fileOf(tensor.name), npyOf(tensor)]));
  if (files.size < tensors.length)
    throw new GolekError(
      'unsupported',
      'two outputs would have the same file name; ask for them one by one: --outputs',
    );
  try {
    await mkdir(folder, { recursive: true });
    for (const [file, content] of files) await writeFile(path.join(folder, file), content);
  } catch (thrown) {
    throw new UsageError(`--save: ${(thrown as Error).message}`);
  }
};
