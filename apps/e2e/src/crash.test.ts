import { setTimeout as sleep } from 'node:timers/promises';
import { golekTiny } from '@golek/model-tiny';
import { describe, expect, it } from 'vitest';
import { childrenOf, serve, untilReady } from './golek-server.fixture.ts';

const ask = (url: string, body: object): Promise<Response> =>
  fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: golekTiny.name, temperature: 0, ...body }),
  });
/** The end of a turn is banned (token 2), so that the answer goes on until the context is full: it is in progress when the engine dies. */
const endless = {
  logit_bias: { 2: -100 },
  messages: [{ role: 'user', content: 'Tell me a story about a fox named Pip and a red kite.' }],
};
const hello = { messages: [{ role: 'user', content: 'Hello!' }] };

describe('kill -9 of the engine process in the middle of a stream', () => {
  it(
    'ends the stream with an error event; the next request works; the server is the same process',
    { timeout: 60_000 },
    async () => {
      await using server = await serve();
      await untilReady(server.url);
      expect((await ask(server.url, hello)).status).toBe(200);
      const engines = childrenOf(server.pid);
      // The model's engine; beside it, for some seconds after the start, the process that reads unknown files.
      expect(engines.length).toBeGreaterThan(0);

      const bodies = await Promise.all(Array.from({ length: 3 }, () => ask(server.url, { ...endless, stream: true })));
      const readers = bodies.map((response) => (response.body as ReadableStream<Uint8Array>).getReader());
      const firsts = await Promise.all(readers.map((reader) => reader.read()));
      for (const pid of engines) process.kill(pid, 'SIGKILL');

      const decoder = new TextDecoder();
      for (const [index, reader] of readers.entries()) {
        let text = decoder.decode(firsts[index]?.value);
        for (let part = await reader.read(); !part.done; part = await reader.read()) text += decoder.decode(part.value);
        const last = text.trim().split('\n\n').at(-1) ?? '';
        expect(last).toMatch(/^data: /);
        expect(JSON.parse(last.slice(6))).toMatchObject({ error: { code: 'engine_crashed' } });
        expect(text).not.toContain('[DONE]');
      }

      const deadline = Date.now() + 10_000;
      let recovered: Response | undefined;
      while (Date.now() < deadline) {
        const response = await ask(server.url, hello);
        if (response.status === 200) {
          recovered = response;
          break;
        }
        expect(response.status).toBe(503);
        expect(await response.json()).toMatchObject({ error: { code: 'engine_crashed' } });
        await sleep(100);
      }
      expect(await recovered?.json()).toMatchObject({
        choices: [{ message: { content: 'Hello! How can I help you?' } }],
      });
      expect(server.process.exitCode).toBeNull();
      const restarted = childrenOf(server.pid);
      expect(restarted).toHaveLength(1);
      expect(engines).not.toContain(restarted[0]);
    },
  );
});

describe('a server that is killed', () => {
  it('leaves no engine process behind', { timeout: 30_000 }, async () => {
    await using server = await serve();
    await untilReady(server.url);
    await (await ask(server.url, hello)).text();
    const engines = childrenOf(server.pid);
    expect(engines.length).toBeGreaterThan(0);
    process.kill(server.pid, 'SIGKILL');
    await server.exited;
    const alive = (): number[] =>
      engines.filter((pid) => {
        try {
          return process.kill(pid, 0);
        } catch {
          return false;
        }
      });
    for (let attempt = 0; attempt < 100 && alive().length > 0; attempt += 1) await sleep(50);
    expect(alive()).toEqual([]);
  });
});
