import { once } from 'node:events';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { LoopDelay } from './contender.ts';
import { ServerProcess } from './server-process.ts';

/** True when this program and what it starts run from the sources of all packages. */
export const FROM_SOURCE = process.execArgv.includes('--conditions=@golek/source');

const PROBE = pathToFileURL(path.join(import.meta.dirname, `loop-probe${path.extname(import.meta.filename)}`)).href;

/** Starts a Node program with the probe of its event loop. */
export const startProbed = (
  name: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): ServerProcess => {
  const flags = FROM_SOURCE ? ['--conditions=@golek/source', '--disable-warning=ExperimentalWarning'] : [];
  return new ServerProcess({
    name,
    program: process.execPath,
    args: [...flags, `--import=${PROBE}?parent=${process.pid}`, ...args],
    env,
    ipc: true,
  });
};

/** Lets the probe of a server watch; what is returned ends that and gives what it saw. */
export const watchLoop = ({ child }: ServerProcess): (() => Promise<LoopDelay>) => {
  child.send('watch-loop');
  return async () => {
    const answer = once(child, 'message');
    child.send('loop-delay');
    const [delay] = (await answer) as [LoopDelay];
    return delay;
  };
};
