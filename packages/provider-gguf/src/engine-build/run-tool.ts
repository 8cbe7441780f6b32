import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { GolekError } from '@golek/providers-spi';

export interface ToolRun {
  readonly signal: AbortSignal;
  /** Told each line that the program prints. */
  readonly onLine?: (line: string) => void;
}

/** Programs that a build needs, and the Debian package that has each. */
const PACKAGES: Readonly<Record<string, string>> = {
  git: 'git',
  cmake: 'cmake',
  ninja: 'ninja-build',
  make: 'make',
  'c++': 'g++',
};

/** Last lines of a program that its error shows. */
const TAIL = 20;
const LONGEST_LINE = 1_000;

/**
 * Runs a program to its end; gives its last lines. Throws `unsupported` where it is not installed, with the Debian package that has it, and where it fails, with its
 * last lines; the signal ends it, and what it started.
 */
export const runTool = async (program: string, args: readonly string[], run: ToolRun): Promise<readonly string[]> => {
  const { signal, onLine } = run;
  refuseAborted(signal);
  // A group of its own: make and ninja start compilers that have to end with them.
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: process.platform !== 'win32' });
  const end = (): void => {
    try {
      if (child.pid !== undefined) process.kill(process.platform === 'win32' ? child.pid : -child.pid, 'SIGTERM');
    } catch {
      // It has ended.
    }
  };
  signal.addEventListener('abort', end, { once: true });
  const tail: string[] = [];
  const keep = (line: string): void => {
    tail.push(line.slice(0, LONGEST_LINE));
    if (tail.length > TAIL) tail.shift();
    onLine?.(line);
  };
  for (const pipe of [child.stdout, child.stderr]) createInterface({ input: pipe }).on('line', keep);
  try {
    const code = await new Promise<number | string>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (status, by) => resolve(status ?? by ?? 1));
    });
    refuseAborted(signal);
    if (code === 0) return tail;
    throw new GolekError('unsupported', `'${program} ${args[0] ?? ''}' failed (${code}):\n${tail.join('\n')}`, {
      details: { program, code },
    });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
    throw missingTool(program);
  } finally {
    signal.removeEventListener('abort', end);
  }
};

const refuseAborted = (signal: AbortSignal): void => {
  if (signal.aborted) throw GolekError.from(signal.reason, 'cancelled');
};

const missingTool = (program: string): GolekError => {
  const remedy = PACKAGES[program] === undefined ? '' : `; on Debian: apt-get install ${PACKAGES[program]}`;
  return new GolekError('unsupported', `'${program}' is needed for this build and is not installed${remedy}`, {
    details: { program },
  });
};

/** First line of `PROGRAM --version`. Throws `unsupported` where it is not installed. */
export const toolVersion = async (program: string, run: Pick<ToolRun, 'signal'>): Promise<string> => {
  let first: string | undefined;
  await runTool(program, ['--version'], { ...run, onLine: (line) => (first ??= line.trim()) });
  return first ?? program;
};
