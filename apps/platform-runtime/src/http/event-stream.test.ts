import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { EventStream } from './event-stream.ts';
import { Exchange } from './exchange.ts';
import { dial } from './raw-exchange.fixture.ts';
import { OPENAI_STREAM } from './wire-form.ts';

test('a client that has caught up before it is waited for is not waited for', async () => {
  const told = Promise.withResolvers<boolean>();
  const server = createServer((request, response) => {
    const stream = new EventStream(
      new Exchange('r', request, response),
      { heartbeatMs: 60_000, writeTimeoutMs: 2000 },
      OPENAI_STREAM,
    );
    stream.write('x'.repeat(50_000_000));
    const drain = once(response, 'drain');
    const blocked = stream.blocked;
    void drain
      .then(() => stream.drained())
      .then(() => {
        stream.end('');
        return blocked && !stream.blocked;
      })
      .then(told.resolve, told.reject)
      .finally(() => stream.dispose());
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const socket = await dial(`http://127.0.0.1:${port}`);
  socket.write('GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n');
  socket.resume();
  expect(await told.promise).toBe(true);
});
