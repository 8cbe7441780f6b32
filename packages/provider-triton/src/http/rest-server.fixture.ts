import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inferResponseBody, JSON_LENGTH_HEADER, readInferBody, splitFrame } from '@golek/protocols/kserve';
import { vllm } from '../models.fixture.ts';

/** A server of the KServe v2 protocol over REST, on a free port of this machine: `text` says each word of its prompt again, `echo` gives what it is given. */
export interface RestServer extends AsyncDisposable {
  readonly url: string;
  /** Answers in progress. */
  readonly active: number;
}

const bodyOf = async (request: IncomingMessage): Promise<Buffer> => {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
};

const send = (response: ServerResponse, status: number, value: unknown): void => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
};

/** As Triton streams: a record for each piece, and the end of the connection as its end. */
const stream = async (response: ServerResponse, prompt: string): Promise<void> => {
  const words = prompt.split(/(?<= )/);
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const [index, word] of words.entries()) {
    if (response.destroyed) return;
    if (word.trim() === 'break') return void response.end(`data: ${JSON.stringify({ error: 'the engine broke' })}\n\n`);
    if (word.trim() === 'cut') return void response.destroy();
    const record = {
      model_name: 'text',
      text_output: word,
      finish_reason: index === words.length - 1 ? 'stop' : 'None',
      num_input_tokens: words.length,
      num_output_tokens: 1,
    };
    response.write(`data: ${JSON.stringify(record)}\n\n`);
    await new Promise(setImmediate);
  }
  response.end();
};

export const startRestServer = async (): Promise<RestServer> => {
  let active = 0;
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { url = '' } = request;
    if (url.startsWith('/v2/models/text')) {
      const { inputs, outputs } = vllm;
      if (url.endsWith('/config'))
        return send(response, 200, { input: inputs, model_transaction_policy: { decoupled: true } });
      if (url.endsWith('/generate_stream')) {
        const { text_input: prompt } = JSON.parse((await bodyOf(request)).toString()) as { text_input: string };
        active++;
        return stream(response, prompt).finally(() => active--);
      }
      return send(response, 200, { name: 'text', versions: ['1'], inputs, outputs });
    }
    if (url === '/v2/models/echo/infer') {
      const header = request.headers[JSON_LENGTH_HEADER];
      const { json, binary } = splitFrame(await bodyOf(request), String(header));
      const message = readInferBody(JSON.parse(Buffer.from(json).toString()), binary, 'echo', '');
      const written = inferResponseBody(
        { model: 'echo', id: message.id, parameters: {}, outputs: message.inputs },
        message.isBinary,
      );
      response.writeHead(200, {
        'content-type': 'application/octet-stream',
        [JSON_LENGTH_HEADER]: String(written.jsonLength),
      });
      return void response.end(written.body);
    }
    if (url === '/v2/models/odd/infer')
      return send(response, 200, { outputs: [{ name: 'y', datatype: 'INT8', shape: [2], data: [1] }] });
    send(response, 400, { error: `Request for unknown model: '${url}' is not found` });
  };
  const server = createServer((request, response) => void answer(request, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get active() {
      return active;
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
};
