import type { Readable, Writable } from 'node:stream';
import { serveStdio, StdioServerTransport } from '@modelcontextprotocol/server/stdio';
import type { Log } from '@golek/plugins-api';
import type { ConnectServer } from './golek-mcp-server.ts';
import { localCaller } from './mcp-caller.ts';

export interface StandardIoOptions {
  readonly connect: ConnectServer;
  readonly input: Readable;
  /** Carries messages only: nothing else may be written to it. */
  readonly output: Writable;
  /** Ends the connection, and with it what runs. */
  readonly signal: AbortSignal;
  /** Largest message, bytes; the connection ends at a larger one. */
  readonly maxMessageBytes: number;
  readonly log: Log;
}

/** Serves one client, line by line, until it closes its end or `signal` is aborted. What still runs for it then is aborted. */
export const serveStandardIo = async (options: StandardIoOptions): Promise<void> => {
  const { connect, input, output, signal, maxMessageBytes, log } = options;
  const gone = new AbortController();
  const caller = localCaller(gone.signal);
  const transport = new StdioServerTransport(input, output, { maxBufferSize: maxMessageBytes });
  const handle = serveStdio(
    ({ era }) => connect({ callerOf: () => caller, tells: era === 'modern' ? 'all' : 'subscribed' }),
    {
      transport,
      onerror: (err) => log.warn({ err }, 'a message of the MCP client was not in order'),
    },
  );
  const ended = Promise.withResolvers<undefined>();
  const { onclose } = transport;
  transport.onclose = () => {
    onclose?.();
    ended.resolve(undefined);
  };
  const stop = (): void => void handle.close();
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });
  await ended.promise;
  signal.removeEventListener('abort', stop);
  gone.abort();
};
