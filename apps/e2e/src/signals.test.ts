import { golekTiny } from '@golek/model-tiny';
import { describe, expect, it } from 'vitest';
import { childrenOf, serve, untilReady, type GolekServer } from './golek-server.fixture.ts';

const openStream = async ({ url }: GolekServer, n: number): Promise<ReadableStreamDefaultReader<Uint8Array>> => {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model: golekTiny.name,
      temperature: 0,
      stream: true,
      n,
      messages: [{ role: 'user', content: 'Tell me a story about a fox named Pip and a red kite.' }],
    }),
  });
  expect(response.status).toBe(200);
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  await reader.read();
  return reader;
};

const rest = async (reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string> => {
  const decoder = new TextDecoder();
  let text = '';
  for (let part = await reader.read(); !part.done; part = await reader.read()) text += decoder.decode(part.value);
  return text;
};

describe('SIGTERM', () => {
  it(
    'turns readiness off, lets open streams finish, refuses new requests, and exits with 0',
    { timeout: 60_000 },
    async () => {
      await using server = await serve();
      await untilReady(server.url);
      const readers = await Promise.all([openStream(server, 8), openStream(server, 8)]);
      const reading = readers.map(rest);
      server.process.kill('SIGTERM');
      // Existing connections may still be answered while the listener is closed; either way nobody is told "ready" once the signal has arrived.
      const ask = (): Promise<number | 'refused'> =>
        fetch(`${server.url}/health/ready`).then(
          (response) => response.status,
          () => 'refused' as const,
        );
      let ready = await ask();
      while (ready === 200) ready = await ask();
      for (const text of await Promise.all(reading)) expect(text).toContain('data: [DONE]');
      expect([503, 'refused']).toContain(ready);
      expect(await server.exited).toEqual({ code: 0, signal: null });
      await expect(fetch(`${server.url}/health/live`)).rejects.toThrow();
    },
  );

  it(
    'ends streams that outlast the grace time with an error event, and still exits with 0',
    { timeout: 60_000 },
    async () => {
      await using server = await serve({ args: ['--grace', '0.05'] });
      await untilReady(server.url);
      const reading = rest(await openStream(server, 16));
      server.process.kill('SIGTERM');
      const text = await reading;
      expect(text).toContain('"code":"shutting_down"');
      expect(text).not.toContain('[DONE]');
      expect(await server.exited).toEqual({ code: 0, signal: null });
    },
  );

  it('sent twice exits at once and leaves no engine behind', { timeout: 60_000 }, async () => {
    await using server = await serve({ args: ['--grace', '60'] });
    await untilReady(server.url);
    const reader = await openStream(server, 16);
    const engines = childrenOf(server.pid);
    server.process.kill('SIGTERM');
    await new Promise((resolve) => setTimeout(resolve, 100));
    server.process.kill('SIGTERM');
    const { code } = await server.exited;
    expect(code).toBe(143);
    await reader.cancel().catch(() => undefined);
    await expect
      .poll(() => engines.filter((pid) => childrenOf(1).includes(pid) || childrenOf(process.pid).includes(pid)), {
        timeout: 5000,
      })
      .toEqual([]);
  });
});
