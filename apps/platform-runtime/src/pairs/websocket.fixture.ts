import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { RunningGolek } from '../running-golek.fixture.ts';
import { joined, MAX_TOKENS, Refused, WEATHER, type Protocol } from './protocol.fixture.ts';

interface Message {
  readonly type: string;
  readonly text?: string;
  readonly tool_call?: { readonly index: number; readonly name?: string; readonly arguments: string };
  readonly index?: number;
  readonly embedding?: number[];
  readonly message?: string;
}

/** Every message about one request, on a socket of its own. Throws `Refused` for its error, which has no status here. */
const ask = async ({ url }: RunningGolek, task: string, request: object): Promise<readonly Message[]> => {
  const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/v1/ws`, 'golek.v1');
  const closed = once(socket, 'close');
  try {
    await once(socket, 'open');
    const messages: Message[] = [];
    const done = new Promise<void>((resolve, reject) => {
      socket.on('message', (data: Buffer) => {
        const message = JSON.parse(data.toString('utf8')) as Message;
        messages.push(message);
        if (message.type === 'finished') resolve();
        if (message.type === 'error') reject(new Refused(0, message.message ?? ''));
      });
      socket.once('close', () => reject(new Error(`the socket closed after ${JSON.stringify(messages)}`)));
    });
    socket.send(JSON.stringify({ type: 'start', id: 'a', task, request }));
    await done;
    return messages;
  } finally {
    socket.close();
    await closed;
  }
};

const texts = (messages: readonly Message[], stream: boolean): string[] => {
  const pieces = messages.flatMap(({ text }) => text || []);
  return stream ? pieces : [pieces.join('')];
};

export const WEBSOCKET: Protocol = {
  name: 'WebSocket',
  calls: '`/v1/ws`: `chat`, `complete`, `embed`; always in pieces',
  chat: async (golek, model, prompt, stream) => {
    const request = { model, messages: [{ role: 'user', content: prompt }], temperature: 0, max_tokens: MAX_TOKENS };
    return texts(await ask(golek, 'chat', request), stream);
  },
  text: async (golek, model, prompt, stream) =>
    texts(await ask(golek, 'complete', { model, prompt, temperature: 0, max_tokens: MAX_TOKENS }), stream),
  embeddings: async (golek, model, input) => {
    const vectors: number[][] = [];
    for (const { index, embedding } of await ask(golek, 'embed', { model, input }))
      if (index !== undefined && embedding) vectors[index] = embedding;
    return vectors;
  },
  tools: async (golek, model, prompt) => {
    const tools = [{ type: 'function', function: WEATHER }];
    const request = { model, messages: [{ role: 'user', content: prompt }], temperature: 0, tools };
    const calls = (await ask(golek, 'chat', request)).flatMap(({ tool_call }) => tool_call ?? []);
    return joined(calls.map(({ index, name, arguments: part }) => ({ index, name, part })));
  },
};
