import { fstatSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { UsageError } from './exit-code.ts';

const MAX_BYTES = 16 * 1024 * 1024;
const PATIENCE_MS = 5_000;

const textOf = (bytes: Uint8Array, what: string): string => {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new UsageError(`${what} is not UTF-8 text`);
  }
};

const readAll = async (chunks: AsyncIterable<Uint8Array>, what: string): Promise<string> => {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    length += chunk.length;
    if (length > MAX_BYTES) throw new UsageError(`${what} is larger than ${MAX_BYTES} bytes`);
    parts.push(chunk);
  }
  return textOf(Buffer.concat(parts), what);
};

/** True when somebody gives us data on standard input: a pipe, a socket or a file, but no terminal and no /dev/null. */
export const hasInput = (): boolean => {
  try {
    const stat = fstatSync(0);
    return stat.isFIFO() || stat.isSocket() || stat.isFile();
  } catch {
    return false;
  }
};

/** Reads standard input to its end. Says so when it waits for long: a pipe that nobody closes looks like a hang. */
export const readInput = async (): Promise<string> => {
  const timer = setTimeout(() => {
    process.stderr.write('golek: waiting for the end of standard input; give it </dev/null when there is none\n');
  }, PATIENCE_MS);
  try {
    return await readAll(process.stdin as AsyncIterable<Uint8Array>, 'standard input');
  } finally {
    clearTimeout(timer);
  }
};

const readContext = async (file: string): Promise<string> => {
  try {
    await using handle = await open(file);
    const content = await readAll(handle.readableWebStream() as AsyncIterable<Uint8Array>, `--file ${file}`);
    return `File ${file}:\n\n${content}`;
  } catch (thrown) {
    if (thrown instanceof UsageError) throw thrown;
    throw new UsageError(`--file: ${(thrown as Error).message}`);
  }
};

export interface PromptParts {
  readonly words: readonly string[];
  readonly files: readonly string[];
}

/** Puts a prompt together: the files, the words, then standard input, or standard input in place of a word `-`. Throws UsageError when all are empty. */
export const readPrompt = async ({ words, files }: PromptParts): Promise<string> => {
  const context = await Promise.all(files.map(readContext));
  const marked = words.includes('-');
  const input = marked || hasInput() ? (await readInput()).trimEnd() : '';
  const spoken = words.map((word) => (word === '-' ? input : word)).join(' ');
  const prompt = [...context, spoken, ...(marked ? [] : [input])].filter((part) => part.trim() !== '').join('\n\n');
  if (prompt === '') {
    throw new UsageError(
      "there is no prompt: write it after the command, as in golek run 'Tell a story', or pipe it in",
    );
  }
  return prompt;
};
