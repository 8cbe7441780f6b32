import { GolekError, type ErrorCode } from '@golek/api';
import { inOrder } from './in-order.ts';
import type { Fields, Input, InputLine } from './input-lines.ts';
import type { LineProgress } from './line-progress.ts';

export interface LineJob {
  readonly input: Input;
  /** Lines that are worked on at once. */
  readonly concurrency: number;
  /** True: a line that is at fault itself becomes an output line with its error, and the others go on. */
  readonly keepGoing: boolean;
  /** What a line's output has beside its fields. Throws what is wrong with the line, or with the model. */
  readonly answer: (line: InputLine, signal: AbortSignal) => Promise<Fields>;
  /** Gets each output line, in the order of the inputs. */
  readonly write: (fields: Fields, line: InputLine) => Promise<void>;
  readonly progress: LineProgress;
  readonly signal: AbortSignal;
}

type Outcome = { readonly line: InputLine } & ({ readonly fields: Fields } | { readonly failure: GolekError });

/** What lies with one line; anything else would go wrong with every other line as well. */
const FAULTS_OF_A_LINE: ReadonlySet<ErrorCode> = new Set([
  'invalid_json',
  'invalid_request',
  'context_length_exceeded',
  'request_too_large',
]);

/** The same failure, naming the line where that is at fault. */
const placed = ({ place }: InputLine, failure: GolekError): GolekError =>
  !FAULTS_OF_A_LINE.has(failure.code)
    ? failure
    : new GolekError(failure.code, `${place}: ${failure.message}`, { cause: failure });

/** Answers every line. @returns how many failed. Throws the first failure, naming its line, unless the job keeps going; what came before it is written. */
export const runLines = async (job: LineJob): Promise<number> => {
  const { input, concurrency, keepGoing, answer, write, progress, signal } = job;
  const attempt = async (line: InputLine, left: AbortSignal): Promise<Outcome> => {
    if (line.failure) return { line, failure: line.failure };
    try {
      return { line, fields: await answer(line, AbortSignal.any([signal, left])) };
    } catch (thrown) {
      signal.throwIfAborted();
      return { line, failure: GolekError.from(thrown) };
    }
  };
  let failed = 0;
  for await (const outcome of inOrder(input.lines, concurrency, attempt)) {
    const { line } = outcome;
    if ('fields' in outcome) await write({ ...line.fields, ...outcome.fields }, line);
    else {
      if (!keepGoing || !FAULTS_OF_A_LINE.has(outcome.failure.code)) throw placed(line, outcome.failure);
      failed += 1;
      const { code, message } = outcome.failure;
      await write({ ...line.fields, line: line.number, error: { code, message } }, line);
    }
    progress.done(line.bytes);
  }
  signal.throwIfAborted();
  return failed;
};
