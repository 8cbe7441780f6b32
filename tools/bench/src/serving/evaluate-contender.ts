import path from 'node:path';
import { processTree } from '../process-cpu.ts';
import type { Contender, EngineSetup } from './contender.ts';
import { watchLoop, startProbed } from './probed-server.ts';

/** Starts the binding's `evaluate()` behind a minimal HTTP server, in a process of its own. */
export const startEvaluate = async (setup: EngineSetup): Promise<Contender> => {
  const script = path.join(import.meta.dirname, `evaluate-server${path.extname(import.meta.filename)}`);
  const server = startProbed('evaluate()', [script, JSON.stringify(setup)]);
  const port = await server.until(() => {
    const text = /^port (\d+)$/m.exec(server.output())?.[1];
    return text === undefined ? undefined : Number(text);
  });
  return {
    name: 'evaluate()',
    port,
    pids: () => processTree(server.pid),
    extra: {},
    watchLoop: () => watchLoop(server),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
};
