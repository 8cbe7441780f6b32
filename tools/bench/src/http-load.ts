import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Load {
  readonly port: number;
  readonly path: string;
  readonly body: string;
  readonly connections: number;
  readonly requests: number;
  /** Requests in a second over all connections; absent: each connection sends its next request as soon as it has the answer to the last. */
  readonly perSecond?: number | undefined;
}

const once = (agent: Agent, { port, path, body }: Load): Promise<void> =>
  new Promise((resolve, reject) => {
    const outgoing = request(
      {
        agent,
        host: '127.0.0.1',
        port,
        path,
        method: 'POST',
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      },
      (response) => {
        if (response.statusCode !== 200) reject(new Error(`status ${String(response.statusCode)} of port ${port}`));
        response.resume();
        response.once('end', resolve);
        response.once('error', reject);
      },
    );
    outgoing.once('error', reject);
    outgoing.end(body);
  });

/** Sends all requests and reads all answers. A connection that is behind its times sends at once. */
export const httpLoad = async (load: Load): Promise<number> => {
  const { connections, requests, perSecond } = load;
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const intervalMs = perSecond === undefined ? 0 : (connections * 1000) / perSecond;
  const start = performance.now();
  let left = requests;
  try {
    await Promise.all(
      Array.from({ length: connections }, async (_, connection) => {
        // The connections' times lie evenly beside each other.
        let due = start + (intervalMs * connection) / connections;
        while (left-- > 0) {
          const early = due - performance.now();
          if (early > 0) await sleep(early);
          due += intervalMs;
          await once(agent, load);
        }
      }),
    );
  } finally {
    agent.destroy();
  }
  return requests;
};
