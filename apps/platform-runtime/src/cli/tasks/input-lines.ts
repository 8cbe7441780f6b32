import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { addAbortSignal, type Readable } from 'node:stream';
import { GolekError } from '@golek/api';
import { UsageError } from '../exit-code.ts';
import { hasInput } from '../prompt-input.ts';
import { readLines, type TextLine } from './line-reader.ts';

export type Fields = Readonly<Record<string, unknown>>;

/** One input of a command, with what its output line begins with. */
export interface InputLine {
  /** For messages: `line 3`. */
  readonly place: string;
  /** Of the line, from 1 on. */
  readonly number: number;
  /** Among the inputs, from 0 on: empty lines are none. */
  readonly index: number;
  readonly fields: Fields;
  /** Why the line cannot be read. */
  readonly failure?: GolekError;
  /** Bytes of the input up to its end. */
  readonly bytes: number;
}

export interface Input extends Disposable {
  readonly lines: AsyncIterable<InputLine>;
  /** Bytes in all, where they are known. */
  readonly totalBytes: number | undefined;
  /** Whether lines are JSON objects. */
  readonly isJson: boolean;
}

export interface InputChoice {
  /** Texts of the command line. */
  readonly words: readonly string[];
  /** File, `-` for standard input. */
  readonly file: string | undefined;
  /** True: lines are JSON objects; undefined: those of files whose names say so. */
  readonly json: boolean | undefined;
  /** Key that a line of JSON has its text under which is a string by itself. */
  readonly field: string;
  /** What is missing when there is no input, for people. */
  readonly missing: string;
}

const invalidJson = (problem: string): GolekError => new GolekError('invalid_json', problem);

const jsonFields = (text: string, field: string): Fields | GolekError => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    return invalidJson(`it is no JSON: ${(thrown as Error).message}`);
  }
  if (typeof value === 'string') return { [field]: value };
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  return invalidJson('it is JSON, but neither an object nor a string');
};

const fieldsOf = (text: string | undefined, field: string, json: boolean): Fields | GolekError => {
  if (text === undefined) return invalidJson('it is not UTF-8 text');
  return json ? jsonFields(text, field) : { [field]: text };
};

async function* inputLines(
  lines: AsyncIterable<TextLine>,
  field: string,
  json: boolean,
): AsyncGenerator<InputLine, void> {
  let index = 0;
  for await (const { number, text, bytes } of lines) {
    if (text?.trim() === '') continue;
    const fields = fieldsOf(text, field, json);
    const line = { place: `line ${number}`, number, index: index++, bytes };
    yield fields instanceof GolekError ? { ...line, fields: {}, failure: fields } : { ...line, fields };
  }
}

async function* wordLines(words: readonly string[], field: string): AsyncGenerator<InputLine, void> {
  for (const [index, text] of words.entries())
    yield { place: `text ${index + 1}`, number: index + 1, index, fields: { [field]: text }, bytes: 0 };
}

const opened = async (file: string): Promise<{ readonly stream: Readable; readonly totalBytes?: number }> => {
  if (file === '-') return { stream: process.stdin };
  try {
    const facts = await stat(file);
    if (facts.isDirectory()) throw new Error(`'${file}' is a folder`);
    return { stream: createReadStream(file), ...(facts.isFile() && { totalBytes: facts.size }) };
  } catch (thrown) {
    throw new UsageError(`--input: ${(thrown as Error).message}`);
  }
};

/** The inputs of a command: its words, else a file, else what is piped into it. Throws UsageError when there is none, or too many. */
export const openInput = async (
  { words, file, json, field, missing }: InputChoice,
  signal: AbortSignal,
): Promise<Input> => {
  if (words.length > 0) {
    if (file !== undefined) throw new UsageError('texts are given as words and by --input; give them in one way');
    return { lines: wordLines(words, field), totalBytes: undefined, isJson: false, [Symbol.dispose]: () => undefined };
  }
  if (file === undefined && !hasInput()) throw new UsageError(missing);
  const { stream, totalBytes } = await opened(file ?? '-');
  addAbortSignal(signal, stream);
  const isJson = json ?? /\.(jsonl|ndjson)$/i.test(file ?? '');
  return {
    lines: inputLines(readLines(stream as AsyncIterable<Uint8Array>), field, isJson),
    totalBytes,
    isJson,
    // A pipe that stays open would keep the process.
    [Symbol.dispose]: () => void stream.destroy(),
  };
};
