import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An OpenAI-compatible service of which a test says what it lists. */
export interface ListingServer extends AsyncDisposable {
  readonly url: string;
  /** What `GET /models` names; undefined: it fails. */
  models: readonly string[] | undefined;
  /** Streamed answers say `one` at once and `two` when this is resolved. */
  readonly release: () => void;
}

const chunk = (content: string, finish: string | null = null): string =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content }, finish_reason: finish }] })}\n\n`;

export const startListingServer = async (models?: readonly string[]): Promise<ListingServer> => {
  const released = Promise.withResolvers<true>();
  const server = createServer((request, response) => {
    if (request.url === '/v1/models') {
      const { models: listed } = listing;
      response.writeHead(listed ? 200 : 500, { 'content-type': 'application/json' });
      response.end(JSON.stringify(listed ? { data: listed.map((id) => ({ id })) } : { error: { message: 'no list' } }));
      return;
    }
    request.resume();
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(chunk('one'));
    void released.promise.then(() => response.end(`${chunk(' two', 'stop')}data: [DONE]\n\n`));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const listing: ListingServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    models,
    release: () => released.resolve(true),
    [Symbol.asyncDispose]: async () => {
      released.resolve(true);
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return listing;
};
