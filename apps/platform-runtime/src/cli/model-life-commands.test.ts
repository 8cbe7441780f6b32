import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import { modelStateTable } from './model-state-table.ts';
import { golek, startGolek } from './spawn-cli.fixture.ts';

test('models in memory are shown with the time that they have left', () => {
  const shown = { provider: 'gguf', inUse: 0, pinned: false };
  const table = modelStateTable({
    models: [
      { name: 'a', state: 'ready', ...shown, memoryBytes: 2_500_000_000, unloadsInMs: 300_000 },
      { name: 'b', state: 'ready', ...shown, pinned: true, memoryBytes: 1_000_000 },
      { name: 'c', state: 'ready', ...shown, inUse: 2 },
      { name: 'd', state: 'ready', ...shown },
      { name: 'e', state: 'loading', ...shown, progress: 0.257 },
      { name: 'f', state: 'failed', ...shown, error: { code: 'insufficient_memory', message: 'too much' } },
    ],
    memory: { usedBytes: 2_501_000_000, limitBytes: 16_000_000_000 },
    maxLoaded: 5,
  });
  expect(stripVTControlCharacters(table)).toBe(
    'MODEL  PROVIDER  STATE        IN USE  MEMORY  UNLOADS\n' +
      'a      gguf      ready        0       2.5 GB  in 5 min\n' +
      'b      gguf      ready        0       1.0 MB  never (pinned)\n' +
      'c      gguf      ready        2       -       -\n' +
      'd      gguf      ready        0       -       for another one\n' +
      'e      gguf      loading 25%  0       -       -\n' +
      'f      gguf      failed       0       -       -\n' +
      '  last load: too much [insufficient_memory]\n' +
      '2.5 GB of 16.0 GB for models, at most 5 models\n',
  );
});

test('golek models loads, shows and unloads the models of the running server', { timeout: 60_000 }, async () => {
  const server = startGolek(['serve', '--log-level', 'silent', '--gguf.threads', '1']);
  try {
    const port = new URL((await server.line(/^golek listens on/)).replace('golek listens on ', '')).port;
    const models = (...args: string[]) => golek(['models', ...args], '', { GOLEK_HTTP_PORT: port });
    expect(await models('load', 'golek-tiny', '--keep-alive', '1h')).toMatchObject({
      code: 0,
      out: 'golek-tiny is ready\n',
    });
    const [table, json, misspelt] = await Promise.all([
      models('ps'),
      models('ps', '--json'),
      models('load', 'golek-tny'),
    ]);
    expect(table.out).toMatch(/golek-tiny +gguf +ready +0 +\S+ MB +in 60 min\n/);
    expect(JSON.parse(json.out)).toMatchObject({
      models: [
        { name: 'golek-tiny', state: 'ready' },
        { name: 'golek-embed', state: 'unloaded' },
      ],
    });
    expect(misspelt).toMatchObject({ code: 1, err: expect.stringContaining("did you mean 'golek-tiny'?") });
    expect((await models('unload', 'golek-tiny')).out).toBe('golek-tiny is unloaded\n');
  } finally {
    server.child.kill('SIGTERM');
    await server.ended;
  }
});
