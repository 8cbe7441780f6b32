import { once } from 'node:events';
import path from 'node:path';
import { processTree } from '../process-cpu.ts';
import { startGolekServe } from '../serving/golek-serve.ts';
import { FROM_SOURCE } from '../serving/probed-server.ts';
import { ServerProcess } from '../serving/server-process.ts';
import type { LoadResult } from './embed-load.ts';
import type { EmbedderSetup } from './embedder.ts';

/** A bare loop runs batches of as many sentences as others have callers; sorted, it knows all of them before it begins. */
export const SIDES = [
  'golek',
  'golek, engine process',
  'golek serve',
  'transformers',
  'bare loop',
  'bare loop, sorted',
] as const;
export type SideKind = (typeof SIDES)[number];

export interface SideArguments {
  readonly kind: SideKind;
  readonly setup: EmbedderSetup;
  readonly sentences: number;
  /** Of the server, for a side that asks one. */
  readonly port?: number;
}

export type SideOrder =
  { readonly type: 'run'; readonly callers: number } | { readonly type: 'vectors'; readonly count: number };

/** A side that runs. */
export interface Side extends AsyncDisposable {
  readonly name: SideKind;
  readonly pids: () => readonly number[];
  readonly run: (callers: number) => Promise<LoadResult>;
  /** Vectors of the first sentences. */
  readonly vectors: (count: number) => Promise<readonly (readonly number[])[]>;
}

/** The server of `golek serve`; it reads these settings of GGUF as well, which no model here uses. */
const UNUSED_BY_ONNX = { flashAttention: false, batch: 512, sequences: 1, context: 512 };

export const startSide = async (args: SideArguments): Promise<Side> => {
  const { kind, setup } = args;
  await using started = new AsyncDisposableStack();
  const { file: model, threads } = setup;
  const server =
    kind === 'golek serve'
      ? started.use(
          await startGolekServe({
            ...UNUSED_BY_ONNX,
            model,
            threads,
            args: [`--onnx.threads=${threads}`, '--onnx.executionProvider=cpu'],
          }),
        )
      : undefined;
  const script = path.join(import.meta.dirname, `side-process${path.extname(import.meta.filename)}`);
  const flags = FROM_SOURCE ? ['--conditions=@golek/source', '--disable-warning=ExperimentalWarning'] : [];
  const side = started.use(
    new ServerProcess({
      name: kind,
      program: process.execPath,
      args: [...flags, script, JSON.stringify({ ...args, ...(server && { port: server.port }) })],
      ipc: true,
    }),
  );
  const { child } = side;
  let ready = false;
  child.once('message', () => (ready = true));
  await side.until(() => ready || undefined);
  const ask = async (order: SideOrder): Promise<unknown> => {
    const ended = new AbortController();
    const answer = once(child, 'message', { signal: ended.signal });
    const onExit = (): void => ended.abort();
    child.once('exit', onExit);
    try {
      child.send(order);
      return ((await answer) as [unknown])[0];
    } catch (cause) {
      throw new Error(`${kind} ended: ${side.output().slice(-2000)}`, { cause });
    } finally {
      child.off('exit', onExit);
    }
  };
  const owned = started.move();
  return {
    name: kind,
    pids: () => [...processTree(side.pid), ...(server?.pids() ?? [])],
    run: async (callers) => (await ask({ type: 'run', callers })) as LoadResult,
    vectors: async (count) => (await ask({ type: 'vectors', count })) as number[][],
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
};
