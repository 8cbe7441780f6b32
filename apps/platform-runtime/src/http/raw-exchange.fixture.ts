import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const portOf = (url: string): number => Number(new URL(url).port);

/** A bare connection to the server. */
export const dial = async (url: string): Promise<Socket> => {
  const socket = connect(portOf(url), '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
};

/** Everything that the server sends on this connection until it ends it. */
export const readAll = async (socket: Socket): Promise<string> => {
  let text = '';
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    text += chunk;
  });
  if (!socket.closed) await once(socket, 'close');
  return text;
};

/** Sends bytes and reads what comes until the server ends the connection. */
export const sendRaw = async (url: string, bytes: string | Uint8Array): Promise<string> => {
  const socket = await dial(url);
  const answer = readAll(socket);
  socket.write(bytes);
  return answer;
};

/** The bytes of a request with a body. */
export const httpPost = (
  path: string,
  body: string,
  headers: readonly string[] = ['content-type: application/json'],
): string =>
  [
    `POST ${path} HTTP/1.1`,
    'host: localhost',
    ...headers,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
    '',
    body,
  ].join('\r\n');
