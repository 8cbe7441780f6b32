import { GolekError } from '@golek/api';
import type { Command } from 'commander';
import { wholeNumber } from '../bench/bench-plan.ts';
import { settingsOf, withConfiguration } from '../common-options.ts';
import { EXIT } from '../exit-code.ts';
import { SERVER_OPTIONS, serverAddress } from '../server-client.ts';
import { openInput, type Fields, type Input, type InputLine } from './input-lines.ts';
import { showLineProgress } from './line-progress.ts';
import { openLineWriter } from './line-writer.ts';
import { runLines } from './run-lines.ts';
import type { ModelChoice, TaskAnswer, TaskRequest, TaskTarget } from './task-target.ts';

/** Most lines at once: as many runs as may wait for a model by default. */
const MOST_AT_ONCE = 256;

export interface TaskOptions {
  readonly model?: string;
  readonly input?: string;
  readonly output?: string;
  readonly field?: string;
  readonly concurrency: number;
  readonly keepGoing?: boolean;
  readonly url?: string;
  readonly tokenEnv?: string;
}

/** Adds what the commands have in common that answer many inputs. */
export const withTaskOptions = (command: Command): Command =>
  withConfiguration(
    command
      .option('-m, --model <name|file>', 'model, so that every word is an input; also a folder with a model')
      .option('-i, --input <file>', "file with an input a line, '-' for standard input")
      .option('-o, --output <file>', 'file for the answers in place of standard output')
      .option('--concurrency <number>', 'inputs that are worked on at once', wholeNumber(1, MOST_AT_ONCE), 64)
      .option('--keep-going', 'give a line that fails its error, and go on')
      .option(...SERVER_OPTIONS.url)
      .option(...SERVER_OPTIONS.tokenEnv),
  );

/** For commands whose inputs are texts. */
export const withField = (command: Command): Command =>
  command.option(
    '--field <name>',
    "lines are JSON objects with the text under this key (default for .jsonl and .ndjson files: 'text')",
  );

/** A model that has been chosen. */
export const openTarget = async (
  command: Command,
  choice: Omit<ModelChoice, 'flag' | 'words'>,
  signal: AbortSignal,
): Promise<TaskTarget> => {
  const options = command.opts<TaskOptions>();
  const whole: ModelChoice = { ...choice, flag: options.model, words: command.args };
  const address = serverAddress(options);
  if (address) return (await import('./server-task.ts')).openServerTask(address, whole, signal);
  const { openLocalTask } = await import('./local-task.ts');
  return openLocalTask(await settingsOf(command), whole, signal);
};

export interface TaskJob {
  readonly target: TaskTarget;
  /** Whether lines are JSON objects; undefined: as the name of the file says. */
  readonly json: boolean | undefined;
  /** Key of the text of an input, default `text`. */
  readonly field?: string | undefined;
  /** What is missing when there is no input, for people. */
  readonly missing: string;
  readonly request: (line: InputLine) => TaskRequest | Promise<TaskRequest>;
  /** What an output line has beside the fields of its input. Throws what is wrong with the answer. */
  readonly result: (answer: TaskAnswer, line: InputLine) => Fields;
  /** What becomes of an output line; default: it is written as it is. */
  readonly collect?: (fields: Fields, line: InputLine) => void;
  /** Further lines, after the last input. */
  readonly rest?: () => Iterable<Fields>;
}

/** Answers every input of a command. @returns the exit code. */
export const runTask = async (command: Command, job: TaskJob, signal: AbortSignal): Promise<number> => {
  const { input: file, output, concurrency, keepGoing = false } = command.opts<TaskOptions>();
  const { target, json, field = 'text', missing, request, result, collect, rest = () => [] } = job;
  using input: Input = await openInput({ words: target.words, file, json, field, missing }, signal);
  await using writer = await openLineWriter(output, file);
  using progress = showLineProgress(input.totalBytes, writer.isQuiet);
  using loading = target.showLoading();
  let written = 0;
  const write = async (fields: Fields): Promise<void> => {
    await writer.write(fields);
    written += 1;
  };
  try {
    const failed = await runLines({
      input,
      concurrency,
      keepGoing,
      progress,
      signal,
      answer: async (line, ends) => {
        const answer = await target.run(await request(line), ends);
        loading[Symbol.dispose]();
        for (const warning of answer.warnings) progress.note(`${line.place}: ${warning}`);
        return result(answer, line);
      },
      write: async (fields, line) => (collect && !('error' in fields) ? collect(fields, line) : write(fields)),
    });
    for (const fields of rest()) await write(fields);
    if (failed > 0) progress.note(`${failed} of the inputs failed; their lines have an 'error'`);
    return failed > 0 ? EXIT.failure : EXIT.ok;
  } catch (thrown) {
    if (signal.aborted) progress.note(`ended with ${written} complete lines written`);
    throw thrown;
  }
};

/** The text of a line under a key. Throws `invalid_request`. */
export const textUnder = ({ fields }: InputLine, key: string): string => {
  const value = fields[key];
  if (typeof value === 'string') return value;
  const keys = Object.keys(fields).slice(0, 8).join(', ') || 'none';
  throw new GolekError(
    'invalid_request',
    value === undefined
      ? `it has no text under '${key}' (its keys: ${keys}); name the key with --field`
      : `what it has under '${key}' is no text`,
  );
};
