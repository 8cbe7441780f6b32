import { setImmediate as nextTurn } from 'node:timers/promises';
import { GolekError } from '@golek/providers-spi';
import type { Encoding, TextTokenizer } from '../text/text-tokenizer.ts';
import type { Truncation } from '../text/truncation.ts';
import type { TaskOptions } from './task-options.ts';

/** A text that is read together with another one, which has its tokens already. */
export interface TextPair {
  readonly first: readonly number[];
  readonly second: string;
}

/** An input: a text, tokens, or a pair. */
export type TextInput = string | readonly number[] | TextPair;

export interface InputRules {
  /** Registered name, for messages. */
  readonly name: string;
  readonly tokenizer: TextTokenizer;
  /** Tokens that an input may have; undefined: any number. */
  readonly contextLength: number | undefined;
  readonly truncate: NonNullable<TaskOptions['truncate']>;
  /** How long the model's own files let texts be (sentence-transformers' `max_seq_length`). */
  readonly filedLength: number | undefined;
}

/** Characters that are tokenized before others get their turn. */
const TOKENIZED_AT_ONCE = 64 * 1024;

/** All inputs as tokens. Throws `context_length_exceeded`, naming the input, for one that is too long and not to be cut. */
export const encodeInputs = async (
  rules: InputRules,
  inputs: readonly TextInput[],
  field: 'inputs' | 'documents',
  signal: AbortSignal,
): Promise<readonly Encoding[]> => {
  const truncation = truncationOf(rules);
  const encodings: Encoding[] = [];
  let characters = 0;
  for (const [index, input] of inputs.entries()) {
    encodings.push(encodeInput(rules, input, `${field}[${index}]`, truncation));
    characters += isPair(input) ? input.second.length : input.length;
    if (characters < TOKENIZED_AT_ONCE) continue;
    characters = 0;
    await nextTurn();
    if (signal.aborted) throw GolekError.from(signal.reason, 'cancelled');
  }
  return encodings;
};

const encodeInput = (
  { name, tokenizer, contextLength }: InputRules,
  input: TextInput,
  field: string,
  truncation: Truncation | 'none',
): Encoding => {
  const refuse = (problem: string): GolekError =>
    new GolekError('invalid_request', `'${field}' ${problem}`, { details: { field } });
  let encoding: Encoding;
  if (isPair(input)) encoding = tokenizer.encode(input.first, input.second, truncation);
  else if (typeof input === 'string') encoding = tokenizer.encode(input, undefined, truncation);
  else {
    const wrong = input.find((token) => token >= tokenizer.size);
    if (wrong !== undefined)
      throw refuse(`has the token ${wrong}; the tokens of model '${name}' are 0 to ${tokenizer.size - 1}`);
    encoding = tokenizer.encode(input, undefined, truncation);
  }
  const { length } = encoding.ids;
  if (length === 0) throw refuse(`has no tokens, and model '${name}' puts none around it`);
  if (contextLength !== undefined && length > contextLength)
    throw new GolekError(
      'context_length_exceeded',
      `'${field}' has ${length} tokens with what is put around it; model '${name}' takes at most ${contextLength}, and its files do not say to cut longer ones (option 'truncate')`,
      { details: { field, promptTokens: length, contextLength } },
    );
  return encoding;
};

const isPair = (input: TextInput): input is TextPair => typeof input === 'object' && 'second' in input;

const truncationOf = ({ tokenizer, truncate, contextLength, filedLength }: InputRules): Truncation | 'none' => {
  const filed = tokenizer.truncation;
  // As sentence-transformers has it: what is said of the model comes before what the tokenizer was saved with.
  const limit = filedLength ?? filed?.maxLength ?? (truncate === 'always' ? contextLength : undefined);
  if (truncate === 'never' || limit === undefined) return 'none';
  // Files may allow more than the model has positions for.
  const maxLength = Math.min(limit, contextLength ?? Infinity);
  return { strategy: 'longest-first', direction: 'right', ...filed, maxLength };
};

/** What is said of inputs that were cut; undefined where none was. */
export const cutWarning = (encodings: readonly Encoding[], field: string): string | undefined => {
  const cut = encodings.flatMap(({ dropped, ids }, index) =>
    dropped > 0 ? [{ index, dropped, kept: ids.length }] : [],
  );
  const [first] = cut;
  if (!first) return undefined;
  const others = cut.length > 1 ? `, and ${cut.length - 1} more` : '';
  return `${field}[${first.index}] was cut to ${first.kept} tokens (${first.dropped} were dropped)${others}`;
};
