import { createServer } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { processTree } from '../process-cpu.ts';
import type { Contender, EngineSetup } from './contender.ts';
import { ServerProcess } from './server-process.ts';

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
};

export interface LlamaServerOptions extends EngineSetup {
  /** Path of the program. */
  readonly program: string;
  /** More arguments. */
  readonly args?: readonly string[];
}

/** Starts llama.cpp's own server with the same engine settings. */
export const startLlamaServer = async (options: LlamaServerOptions): Promise<Contender> => {
  const { program, model, threads, flashAttention, batch, sequences, context, args = [] } = options;
  const port = await freePort();
  const server = new ServerProcess({
    name: 'llama-server',
    program,
    args: [
      ...['--model', model, '--host', '127.0.0.1', '--port', String(port), '--no-webui'],
      ...['-np', String(sequences), '-c', String(sequences * context)],
      ...['-t', String(threads), '-tb', String(threads), '-fa', flashAttention ? 'on' : 'off'],
      ...['-b', String(batch), '-ub', String(batch)],
      ...args,
    ],
  });
  await server.until(async () => {
    const response = await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined);
    return response?.ok === true || undefined;
  });
  return {
    name: 'llama-server',
    port,
    pids: () => processTree(server.pid),
    extra: { ignore_eos: true },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
};
