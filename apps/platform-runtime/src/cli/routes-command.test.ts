import { describe, expect, test } from 'vitest';
import { UsageError } from './exit-code.ts';
import { routeBody } from './route-body.ts';
import { golek, startGolek } from './spawn-cli.fixture.ts';

describe('the words and flags of golek routes set', () => {
  test('describe an alias, weights, a canary', () => {
    expect(routeBody(['a'], {})).toEqual({ targets: [{ model: 'a' }] });
    expect(routeBody(['a=3', 'org/b=x=1.5'], { fallback: ['c'] })).toEqual({
      strategy: 'weighted',
      targets: [
        { model: 'a', weight: 3 },
        { model: 'org/b=x', weight: 1.5 },
      ],
      fallback: ['c'],
    });
    expect(routeBody(['a'], { strategy: 'least-loaded', sticky: 'user', canary: 'b=5' })).toEqual({
      strategy: 'least-loaded',
      targets: [{ model: 'a' }],
      sticky: 'user',
      canary: { target: 'b', percent: 5 },
    });
  });

  test.each([
    [
      ['a'],
      { strategy: 'wieghted' },
      "--strategy takes one of priority, round-robin, weighted, random, least-loaded, lowest-latency, lowest-cost, user-selected, scored, got 'wieghted'",
    ],
    [['a=2'], { strategy: 'random' }, "weights (model=number) need --strategy weighted, got 'random'"],
    [['a'], { sticky: 'me' }, "--sticky takes one of none, tenant, user, principal, hint, got 'me'"],
    [
      ['a', 'm=abc'],
      {},
      "'m=abc': a weight is a number such as 3 or 0.5, got 'abc'; a model whose name holds '=' needs one: 'm=abc=1'",
    ],
    [['a'], { canary: 'b' }, "--canary takes model=percent, got 'b'"],
  ])('%j %j is wrong use', (words, flags, message) => {
    expect(() => routeBody(words, flags)).toThrow(new UsageError(message));
  });
});

test('golek routes changes and shows the routes of the running server', { timeout: 60_000 }, async () => {
  const server = startGolek(['serve', '--log-level', 'silent']);
  try {
    const port = new URL((await server.line(/^golek listens on/)).replace('golek listens on ', '')).port;
    const routes = (...args: string[]) => golek(['routes', ...args], '', { GOLEK_HTTP_PORT: port });
    expect(await routes('list')).toMatchObject({
      code: 0,
      out: 'there are no routes; set one with: golek routes set <route> <model>\n',
    });
    const set = await routes('set', 'chat', 'golek-tiny', '--json');
    expect(set.err).toBe('');
    expect(JSON.parse(set.out)).toMatchObject({ revision: 1, route: { targets: [{ model: 'golek-tiny' }] } });
    const [list, show, misspelt, stale] = await Promise.all([
      routes('list'),
      routes('show', 'chat'),
      routes('show', 'caht'),
      routes('set', 'chat', 'golek-tiny', '--fallback', 'golek-tiny', '--if-revision', '7'),
    ]);
    expect(list.out).toBe('NAME  STRATEGY  TARGETS     CANARY  FALLBACK\nchat  priority  golek-tiny  -       -\n');
    expect(show.out).toMatch(/revision\s+1\n[^]*golek-tiny\s+ok\s+0 of 1\s+-\s+-\s+0% of 0/);
    expect(misspelt).toMatchObject({ code: 1, err: expect.stringContaining("did you mean 'chat'?") });
    expect(stale).toMatchObject({ code: 1, err: expect.stringContaining('has the revision 1, the change expects 7') });
    expect(await routes('remove', 'chat')).toMatchObject({ code: 0, out: "route 'chat' is removed\n" });
  } finally {
    server.child.kill('SIGTERM');
    await server.ended;
  }
});
