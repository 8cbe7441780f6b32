import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Load {
  readonly port: number;
  readonly path: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly connections: number;
  readonly requests: number;
  /** Requests in a second over all connections; absent: each connection sends its next request as soon as it has the answer to the last. */
  readonly perSecond?: number | undefined;
  /** How every answer ends; another end is a failure. At most 32 bytes. */
  readonly ending?: string;
}

const TAIL_BYTES = 32;

const once = (agent: Agent, { port, path, body, headers, ending = '' }: Load): Promise<void> =>
  new Promise((resolve, reject) => {
    const outgoing = request(
      {
        agent,
        host: '127.0.0.1',
        port,
        path,
        method: 'POST',
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers },
      },
      (response) => {
        if (response.statusCode !== 200) reject(new Error(`status ${String(response.statusCode)} of port ${port}`));
        let tail: Buffer = Buffer.alloc(0);
        response.on('data', (packet: Buffer) => {
          tail = packet.length < TAIL_BYTES ? Buffer.concat([tail, packet]).subarray(-TAIL_BYTES) : packet;
        });
        response.once('end', () => {
          const end = tail.toString('latin1', Math.max(0, tail.length - TAIL_BYTES));
          if (end.endsWith(ending)) resolve();
          else reject(new Error(`an answer of port ${port} ended with ${JSON.stringify(end)}`));
        });
        response.once('error', reject);
      },
    );
    outgoing.once('error', reject);
    outgoing.end(body);
  });

/**
 * Sends all requests and reads all answers. A connection that is behind its times sends at once.
 * @returns how long each took, milliseconds; one that should have been sent earlier took its time from then on.
 */
export const httpLoad = async (load: Load): Promise<number[]> => {
  const { connections, requests, perSecond } = load;
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const intervalMs = perSecond === undefined ? 0 : (connections * 1000) / perSecond;
  const start = performance.now();
  const latencies: number[] = [];
  let left = requests;
  try {
    await Promise.all(
      Array.from({ length: connections }, async (_, connection) => {
        // The connections' times lie evenly beside each other.
        let due = start + (intervalMs * connection) / connections;
        while (left-- > 0) {
          let from = performance.now();
          if (due > from) {
            await sleep(due - from);
            // That the timer came late is no fault of the server.
            from = performance.now();
          } else if (perSecond !== undefined) from = due;
          due += intervalMs;
          await once(agent, load);
          latencies.push(performance.now() - from);
        }
      }),
    );
  } finally {
    agent.destroy();
  }
  return latencies;
};
