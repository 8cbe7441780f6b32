import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startFaultyUpstream } from '@golek/faulty-upstream';

/** Where a request says its prompt's words back, and what a vector of it is: no model's work. */
export const geminiVector = (input: string): Float32Array =>
  Float32Array.of(1, input.length / 64, (input.charCodeAt(0) % 97) / 97, 0);

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
};

interface Asked {
  readonly tools?: readonly { readonly functionDeclarations: readonly { readonly name: string }[] }[];
}

/** A service with Gemini's API: `faulty-upstream` without faults, and calls of the first tool where there are tools. */
export const startGeminiService = async (): Promise<{ readonly baseUrl: string } & AsyncDisposable> => {
  const upstream = await startFaultyUpstream();
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await bodyOf(request);
    const name = (JSON.parse(body) as Asked).tools?.[0]?.functionDeclarations[0]?.name;
    if (name === undefined) {
      const { url = '', method = '' } = request;
      const headers = { 'content-type': 'application/json' };
      const passed = await fetch(`http://127.0.0.1:${upstream.port}${url}`, { method, headers, body });
      response.setHeader('content-type', passed.headers.get('content-type') ?? '');
      for await (const part of passed.body ?? []) response.write(part);
      response.end();
      return;
    }
    const parts = [{ functionCall: { name, args: { city: 'Bonn' } } }];
    const candidates = [{ index: 0, content: { role: 'model', parts }, finishReason: 'STOP' }];
    response.setHeader('content-type', 'text/event-stream');
    response.end(`data: ${JSON.stringify({ candidates, modelVersion: 'm' })}\r\n\r\n`);
  };
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1beta`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await upstream[Symbol.asyncDispose]();
    },
  };
};
