/**
 * The upstream of the gateway comparison: an OpenAI-compatible service that is faster than what stands in front of it. Bytes that do not change are made once. The name of the model says
 * how it answers: `chunks-N` in N pieces, each in a turn of the event loop of its own; `slow-N` in N pieces 5 ms apart. GET /state tells what is open. Prints its port.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { answerWords } from './answer.ts';

const SLOW_MS = 5;

interface Asked {
  readonly model: string;
  readonly stream?: boolean;
  readonly stream_options?: { readonly include_usage?: boolean };
}

/** An answer in all its forms. */
interface Prepared {
  readonly whole: Buffer;
  readonly pieces: readonly Buffer[];
  readonly usage: Buffer;
  readonly pause: () => Promise<unknown>;
}

const DONE = Buffer.from('data: [DONE]\n\n');

const prepare = (model: string): Prepared => {
  const [, kind = '', count = ''] = /^(chunks|slow)-(\d{1,6})$/.exec(model) ?? [];
  const words = answerWords(Number(count));
  const head = { id: 'chatcmpl-upstream', created: 1_760_000_000, model, system_fingerprint: 'fp_upstream' };
  const usage = { prompt_tokens: 12, completion_tokens: words.length, total_tokens: 12 + words.length };
  const event = (choices: readonly object[], more: object = {}): Buffer =>
    Buffer.from(`data: ${JSON.stringify({ ...head, object: 'chat.completion.chunk', choices, ...more })}\n\n`);
  const delta = (fields: object, finish_reason: string | null): Buffer =>
    event([{ index: 0, delta: fields, logprobs: null, finish_reason }]);
  const message = { role: 'assistant', content: words.join(''), refusal: null };
  const choice = { index: 0, message, logprobs: null, finish_reason: 'stop' };
  return {
    whole: Buffer.from(JSON.stringify({ ...head, object: 'chat.completion', choices: [choice], usage })),
    pieces: [
      delta({ role: 'assistant', content: '' }, null),
      ...words.map((content) => delta({ content }, null)),
      delta({}, 'stop'),
    ],
    usage: event([], { usage }),
    pause: kind === 'slow' ? () => sleep(SLOW_MS) : () => turn(),
  };
};

const answers = new Map<string, Prepared>();
const state = { answered: 0, open: 0, left: 0 };

const answer = async (body: string, response: ServerResponse): Promise<void> => {
  const { model, stream = false, stream_options } = JSON.parse(body) as Asked;
  let prepared = answers.get(model);
  if (!prepared) answers.set(model, (prepared = prepare(model)));
  const { whole, pieces, usage, pause } = prepared;
  if (!stream) {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': whole.length });
    response.end(whole);
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const piece of pieces) {
    response.write(piece);
    await pause();
    if (response.destroyed) return;
  }
  response.end(stream_options?.include_usage === true ? Buffer.concat([usage, DONE]) : DONE);
};

const server = createServer((request: IncomingMessage, response) => {
  if (request.url === '/state') {
    response.end(JSON.stringify(state));
    return;
  }
  state.open++;
  response.once('close', () => {
    state.open--;
    if (response.writableFinished) state.answered++;
    else state.left++;
  });
  let body = '';
  request.on('data', (part: Buffer) => (body += part.toString('latin1')));
  request.on('end', () => void answer(body, response));
});
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
