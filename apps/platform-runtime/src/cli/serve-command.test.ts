import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { home, startGolek, type RunningCli } from './spawn-cli.fixture.ts';

const addressOf = async ({ line }: RunningCli): Promise<string> =>
  (await line(/^golek listens on /)).replace('golek listens on ', '');

const story = (url: string): Promise<Response> =>
  fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'golek-tiny',
      stream: true,
      temperature: 0,
      n: 8,
      messages: [{ role: 'user', content: 'Tell a story about a fox.' }],
    }),
  });

test('prints address, models and a curl line that works; SIGTERM lets an open stream end and exits with 0', async () => {
  mkdirSync(path.join(home, 'models'), { recursive: true });
  writeFileSync(path.join(home, 'models/broken.gguf'), 'this is no model');
  const server = startGolek(['serve']);
  const url = await addressOf(server);
  expect(await server.line(/^models: /)).toBe('models: golek-tiny, golek-embed');
  expect(await server.line(/^cannot be used: /)).toMatch(/^cannot be used: broken: .*\[model_invalid\]$/);
  const curl = await server.line(/^curl /);
  const answer = JSON.parse(execFileSync('sh', ['-c', `${curl} -s`], { encoding: 'utf8' })) as object;
  expect(answer).toMatchObject({ model: 'golek-tiny', choices: [{ finish_reason: 'stop' }] });

  const response = await story(url);
  server.child.kill('SIGTERM');
  const text = await response.text();
  expect(text).toMatch(/data: \[DONE\]\n\n$/);
  const { code, err } = await server.ended;
  expect(code).toBe(0);
  expect(err).toContain('"msg":"stopped"');
});

test('a second signal ends at once, and a grace time cuts streams off', async () => {
  const forced = startGolek(['serve', '--grace', '60']);
  const response = await story(await addressOf(forced));
  forced.child.kill('SIGTERM');
  forced.child.kill('SIGINT');
  // Of two signals that wait, the system may deliver either first.
  expect([130, 143]).toContain((await forced.ended).code);
  await expect(response.text()).rejects.toThrow();

  const short = startGolek(['serve', '--grace', '0']);
  const cut = await story(await addressOf(short));
  short.child.kill('SIGTERM');
  expect(await cut.text()).toContain('shutting_down');
  const { code, err } = await short.ended;
  expect(code).toBe(0);
  expect(err).toContain('requests were cut off');
});

test('an address in use is a readable error', async () => {
  const first = startGolek(['serve']);
  const { port } = new URL(await addressOf(first));
  const second = startGolek(['serve', '--port', port]);
  const { code, err } = await second.ended;
  expect(code).toBe(2);
  expect(err).toMatch(/^golek: cannot listen on 127\.0\.0\.1, port \d+: another program listens there/m);
  first.child.kill('SIGTERM');
  expect((await first.ended).code).toBe(0);
});
