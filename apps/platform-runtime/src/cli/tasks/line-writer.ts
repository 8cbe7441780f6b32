import { open } from 'node:fs/promises';
import path from 'node:path';
import { UsageError } from '../exit-code.ts';
import { writeOut } from '../write-out.ts';

/** Where a command puts its lines. Each is written as a whole. */
export interface LineWriter extends AsyncDisposable {
  /** False: the lines are shown on a terminal. */
  readonly isQuiet: boolean;
  write(value: object): Promise<void>;
}

const text = (value: object): string => `${JSON.stringify(value)}\n`;

/** Standard output, or a file, which is replaced. Throws UsageError where it cannot be written. */
export const openLineWriter = async (file: string | undefined, input: string | undefined): Promise<LineWriter> => {
  if (file === undefined || file === '-') {
    return {
      isQuiet: !process.stdout.isTTY,
      write: (value) => writeOut(text(value)),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }
  if (input !== undefined && path.resolve(file) === path.resolve(input))
    throw new UsageError(`--output and --input are the same file '${file}'; write to another one`);
  const handle = await open(file, 'w').catch((thrown: unknown) => {
    throw new UsageError(`--output: ${(thrown as Error).message}`);
  });
  return {
    isQuiet: true,
    write: (value) => handle.appendFile(text(value)),
    [Symbol.asyncDispose]: () => handle.close(),
  };
};
