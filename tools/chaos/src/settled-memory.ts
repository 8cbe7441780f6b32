import { once } from 'node:events';
import { Session } from 'node:inspector/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { residentMiB } from './server.ts';

const OPEN_MS = 10_000;
/** Where a Node process opens its inspector when it is told to by a signal. */
const USUAL = 'http://127.0.0.1:9229/json/list';

const listed = async (): Promise<string | undefined> => {
  const answer = await fetch(USUAL).catch(() => undefined);
  const targets = (await answer?.json()) as readonly { webSocketDebuggerUrl: string }[] | undefined;
  return targets?.[0]?.webSocketDebuggerUrl;
};

/** Opens the inspector of an engine process; its address. */
export const engineInspector = async (engine: number): Promise<string> => {
  if ((await listed()) !== undefined) throw new Error(`another Node process has its inspector at ${USUAL}`);
  process.kill(engine, 'SIGUSR1');
  for (const end = performance.now() + OPEN_MS; performance.now() < end; await sleep(20)) {
    const address = await listed();
    if (address !== undefined) return address;
  }
  throw new Error(`the engine process ${engine} opened no inspector within ${OPEN_MS} ms`);
};

/**
 * Resident memory of a Node process without what only waits for a collection, MiB: that moves it by a quarter, and says nothing of what is kept.
 * `inspector`: address of the process's inspector.
 */
export const settledMiB = async (pid: number, inspector: string): Promise<number> => {
  const socket = new WebSocket(inspector);
  await once(socket, 'open');
  for (const id of [1, 2]) {
    const answer = once(socket, 'message');
    socket.send(JSON.stringify({ id, method: 'HeapProfiler.collectGarbage' }));
    await answer;
  }
  socket.close();
  return residentMiB(pid);
};

/**
 * What this process keeps after a collection, in its heap and in buffers beside it, MiB. Its resident memory moves by a quarter after large files were read, whatever is
 * kept.
 */
export const ownLiveMiB = async (): Promise<number> => {
  const session = new Session();
  session.connect();
  for (let i = 0; i < 2; i++) await session.post('HeapProfiler.collectGarbage');
  session.disconnect();
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 2 ** 20;
};
