import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { golek, startGolek } from './spawn-cli.fixture.ts';

const SHORT = ['--tokens', '8', '--prompt-tokens', '12', '--rounds', '1', '--threads', '1'];

interface Report {
  readonly partial: boolean;
  readonly where: string;
  readonly prefillPerSecond: number;
  readonly levels: readonly { concurrency: number; tokensPerSecond: number; firstTokenP50: number }[];
}

describe('golek bench', () => {
  test('measures a model in this process', async () => {
    const { code, out, err } = await golek(['bench', 'golek-tiny', '--concurrency', '1,6', ...SHORT]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^golek-tiny in this process: 12 prompt and 8 generated tokens, 1 round$/m);
    expect(out).toMatch(/^prefill +[\d.,]+ tokens\/s/m);
    expect(out).toMatch(/^6 █+/m);
  });

  test('measures a running server, and gives JSON', async () => {
    const server = startGolek(['serve', '--threads', '1']);
    const url = (await server.line(/^golek listens on /)).replace('golek listens on ', '');
    const { code, out } = await golek(['bench', '--url', url, '--json', '--concurrency', '2', ...SHORT]);
    expect(code).toBe(0);
    const report = JSON.parse(out) as Report;
    expect(report).toMatchObject({ model: 'golek-tiny', where: `at ${url}`, partial: false, tokens: 8 });
    expect(report.levels.map(({ concurrency }) => concurrency)).toEqual([1, 2]);
    expect(report.levels.every((level) => level.tokensPerSecond > 0 && level.firstTokenP50 > 0)).toBe(true);
    const unknown = await golek(['bench', 'golek-tny', '--url', url, ...SHORT]);
    expect(unknown).toMatchObject({ code: 1, out: '' });
    expect(unknown.err).toContain('[model_not_found]');
    server.child.kill('SIGTERM');
    expect((await server.ended).code).toBe(0);
  });

  test('SIGINT ends it with what is measured so far, said to be partial', async () => {
    const asked: (string | undefined)[] = [];
    // A server whose third measured answer never ends.
    const server = createServer((request, response) => {
      if (request.url === '/tokenize') return void response.end(JSON.stringify({ tokens: [5, 6, 7, 8] }));
      asked.push(request.headers.authorization);
      response.write('data: {"choices":[{"text":"a"}]}\n\n');
      if (asked.length > 3) return void running.child.kill('SIGINT');
      const tokens = asked.length === 1 ? 1 : 8;
      const usage = { prompt_tokens: 12, completion_tokens: tokens };
      response.end(`data: ${JSON.stringify({ choices: [], usage })}\n\ndata: [DONE]\n\n`);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const args = ['bench', 'x', '--url', url, '--json', '--token-env', 'BENCH_TOKEN', '--concurrency', '1'];
    const running = startGolek([...args, '--prompt-tokens', '12', '--tokens', '8'], { BENCH_TOKEN: 'secret' });
    const { code, out, err } = await running.ended;
    expect({ code, err }).toEqual({ code: 130, err: '' });
    expect(JSON.parse(out)).toMatchObject({ partial: true, levels: [{ concurrency: 1, rounds: 2 }] });
    expect(asked).toEqual(Array.from({ length: 4 }, () => 'Bearer secret'));
    server.close();
  });

  test.each([
    [['--concurrency', '0'], "option '-c, --concurrency <list>' argument '0' is invalid"],
    [['--rounds', 'many'], 'It must be a whole number from 1 to 1000.'],
    [['--url', 'localhost'], "--url takes an address such as http://127.0.0.1:11500, got 'localhost'"],
    [['--token-env', 'TOKEN'], '--token-env goes with --url'],
    [['--url', 'http://127.0.0.1:1', '--token-env', 'GOLEK_NO_TOKEN'], "no environment variable 'GOLEK_NO_TOKEN'"],
  ])('%j is wrong use', async (args, remark) => {
    const { code, out, err } = await golek(['bench', ...args]);
    expect(err).toContain(remark);
    expect({ code, out }).toEqual({ code: 2, out: '' });
  });

  test('a server that does not answer is named', async () => {
    const { code, err } = await golek(['bench', 'x', '--url', 'http://127.0.0.1:1']);
    expect(code).toBe(1);
    expect(err).toContain('no Golek server answers at http://127.0.0.1:1; start one with: golek serve');
  });
});
