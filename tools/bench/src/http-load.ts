import { Agent, request } from 'node:http';

export interface Load {
  readonly port: number;
  readonly path: string;
  readonly body: string;
  readonly connections: number;
  readonly requests: number;
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

/** A closed loop: each connection sends its next request when the answer to the last one is complete. */
export const httpLoad = async (load: Load): Promise<number> => {
  const agent = new Agent({ keepAlive: true, maxSockets: load.connections });
  let left = load.requests;
  try {
    await Promise.all(
      Array.from({ length: load.connections }, async () => {
        while (left-- > 0) await once(agent, load);
      }),
    );
  } finally {
    agent.destroy();
  }
  return load.requests;
};
