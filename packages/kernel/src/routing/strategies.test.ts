import { ROUTING_STRATEGIES, type ModelRouteInput, type RoutingStrategy } from '@golek/api';
import { describe, expect, it } from 'vitest';
import { plan, type RoutingView } from '../index.ts';
import { registryOf, routedCall, seeded, stateOf, viewOf } from './routing.fixture.ts';

const NAMES = ['a', 'b', 'c', 'd'];
const models = Object.fromEntries(NAMES.map((name) => [name, {}]));

type TargetInput = ModelRouteInput['targets'][number];

const setUp = (
  strategy: RoutingStrategy,
  targets: readonly TargetInput[] = NAMES.map((model) => ({ model })),
  more: Partial<ModelRouteInput> = {},
) => registryOf(models, [{ name: 'r', strategy, targets: [...targets], ...more }]);

/** How often each model came first. */
const firsts = (
  registry: ReturnType<typeof registryOf>,
  times: number,
  view: Parameters<typeof viewOf>[1] = {},
): Record<string, number> => {
  const counts: Record<string, number> = {};
  const live = viewOf(registry, view);
  for (let i = 0; i < times; i++) {
    const [{ model }] = plan(routedCall('r'), registry, live).targets;
    counts[model] = (counts[model] ?? 0) + 1;
  }
  return counts;
};

const orderOf = (registry: ReturnType<typeof registryOf>, view: RoutingView, call = routedCall('r')): string[] =>
  plan(call, registry, view).targets.map(({ model }) => model);

describe('every strategy', () => {
  it.each(ROUTING_STRATEGIES)('%s orders all targets that can answer, each once, and says why', (strategy) => {
    const random = seeded(7);
    for (let round = 0; round < 200; round++) {
      const able = NAMES.filter(() => random() < 0.7);
      const registry = registryOf(
        Object.fromEntries(
          NAMES.map((name) => [name, able.includes(name) ? {} : { tasks: ['embed'] as const }]),
        ) as never,
        [
          {
            name: 'r',
            strategy,
            targets: NAMES.map((model) => ({ model, tags: ['all'], priority: Math.floor(random() * 5) })),
          },
        ],
      );
      const states = Object.fromEntries(
        NAMES.map((name) => [
          name,
          stateOf({
            inFlight: Math.floor(random() * 9),
            capacity: 1 + Math.floor(random() * 4),
            firstEventMs: random() < 0.3 ? undefined : random() * 500,
            errorRate: random(),
          }),
        ]),
      );
      const call = routedCall('r', strategy === 'user-selected' ? { hints: { target: 'all' } } : {});
      if (able.length === 0) {
        expect(() => plan(call, registry, viewOf(registry, { states, random }))).toThrow(/no target of the route 'r'/);
        continue;
      }
      const { targets, reasons } = plan(call, registry, viewOf(registry, { states, random }));
      expect(targets.map(({ model }) => model).sort()).toEqual(able);
      expect(reasons.join('\n')).toContain(`'${targets[0].model}'`);
    }
  });
});

describe('round-robin', () => {
  it('takes each target in turn', () => {
    expect(firsts(setUp('round-robin'), 400)).toEqual({ a: 100, b: 100, c: 100, d: 100 });
  });

  it('goes on where it was after a change of the route', () => {
    const registry = setUp('round-robin');
    const view = viewOf(registry);
    orderOf(registry, view);
    registry.routes.set({ ...registry.routes.get('r')!.route, fallback: [] });
    expect(orderOf(registry, view)).toEqual(['b', 'c', 'd', 'a']);
  });
});

describe('weighted', () => {
  it('honours any weights within what chance allows', () => {
    const random = seeded(11);
    for (let round = 0; round < 5; round++) {
      const weights = NAMES.map(() => Math.ceil(random() * 20));
      const sum = weights.reduce((total, weight) => total + weight, 0);
      const registry = setUp(
        'weighted',
        NAMES.map((model, i) => ({ model, weight: weights[i]! })),
      );
      const n = 5000;
      const counts = firsts(registry, n, { random });
      weights.forEach((weight, i) => {
        const p = weight / sum;
        // Five standard deviations of a binomial.
        expect(Math.abs((counts[NAMES[i]!] ?? 0) - n * p)).toBeLessThan(5 * Math.sqrt(n * p * (1 - p)));
      });
    }
  });

  it('leaves a weight of 0 for when the others fail', () => {
    const registry = setUp('weighted', [{ model: 'a', weight: 0 }, { model: 'b' }, { model: 'c' }]);
    for (let i = 0; i < 50; i++) expect(orderOf(registry, viewOf(registry, { random: seeded(i) })).at(-1)).toBe('a');
  });
});

describe('random', () => {
  it('is even', () => {
    for (const count of Object.values(firsts(setUp('random'), 4000))) expect(Math.abs(count - 1000)).toBeLessThan(140);
  });
});

describe('least-loaded', () => {
  it('never takes the fuller of the two that it looks at', () => {
    const states = {
      a: stateOf({ inFlight: 4, capacity: 4 }),
      b: stateOf({}),
      c: stateOf({ inFlight: 9, capacity: 4 }),
    };
    const registry = setUp('least-loaded', [{ model: 'a' }, { model: 'b' }, { model: 'c' }]);
    const counts = firsts(registry, 3000, { states });
    // The fullest never wins; the idle one wins both of its three pairs.
    expect(counts['c']).toBeUndefined();
    expect(Math.abs(counts['b']! - 2000)).toBeLessThan(150);
  });

  it('prefers the idle one of two, relative to what each can hold', () => {
    const registry = setUp('least-loaded', [{ model: 'a' }, { model: 'b' }]);
    expect(firsts(registry, 100, { states: { a: stateOf({ inFlight: 1 }), b: stateOf({}) } })).toEqual({ b: 100 });
    const states = { a: stateOf({ inFlight: 6, capacity: 8 }), b: stateOf({ inFlight: 2, capacity: 2 }) };
    expect(firsts(registry, 100, { states })).toEqual({ a: 100 });
  });

  it('keeps load even when every request stays', () => {
    const registry = setUp('least-loaded');
    const inFlight: Record<string, number> = {};
    const view = viewOf(registry, { state: (model) => stateOf({ inFlight: inFlight[model] ?? 0 }) });
    for (let i = 0; i < 1000; i++) {
      const model = orderOf(registry, view)[0]!;
      inFlight[model] = (inFlight[model] ?? 0) + 1;
    }
    for (const count of Object.values(inFlight)) expect(Math.abs(count - 250)).toBeLessThan(15);
  });
});

describe('lowest-latency', () => {
  const timed = (firstEventMs: number, lastAt: number, inFlight = 0) => stateOf({ firstEventMs, lastAt, inFlight });

  it('takes the fastest, and tries a target that it knows nothing of with one request', () => {
    const registry = setUp('lowest-latency', [{ model: 'a' }, { model: 'b' }]);
    const order = (states: Record<string, ReturnType<typeof stateOf>>) =>
      orderOf(registry, viewOf(registry, { states }));
    expect(order({ a: timed(200, 1000), b: timed(20, 1000) })).toEqual(['b', 'a']);
    expect(order({ a: stateOf({}), b: timed(20, 1000) })).toEqual(['a', 'b']);
    expect(order({ a: stateOf({ inFlight: 1 }), b: timed(20, 1000) })).toEqual(['b', 'a']);
  });

  it('finds an idle target again', () => {
    const registry = setUp('lowest-latency', [{ model: 'a' }, { model: 'b' }]);
    const order = (now: number, inFlight = 0) =>
      orderOf(
        registry,
        viewOf(registry, { now: () => now, states: { a: timed(200, 1000, inFlight), b: timed(20, now) } }),
      );
    expect(order(11_000)).toEqual(['b', 'a']);
    expect(order(61_000)).toEqual(['a', 'b']);
    // While the one that finds out is on its way, nobody else is sent.
    expect(order(61_000, 1)).toEqual(['b', 'a']);
  });
});

it('lowest-cost takes the cheapest, of equals the least loaded', () => {
  const registry = setUp('lowest-cost', [
    { model: 'a', cost: { input: 3, output: 15 } },
    { model: 'b', cost: { input: 0.5, output: 1.5 } },
    { model: 'c', cost: { input: 0.5, output: 1.5 } },
  ]);
  const view = viewOf(registry, { states: { b: stateOf({ inFlight: 1 }) } });
  expect(orderOf(registry, view)).toEqual(['c', 'b', 'a']);
  expect(plan(routedCall('r'), registry, view).reasons).toEqual([
    "lowest-cost: 'c' costs 0.75 per million tokens, 'b' costs 0.75 per million tokens",
  ]);
});

it('priority goes by number, then by the order in which it is written', () => {
  const registry = setUp('priority', [
    { model: 'a', priority: 2 },
    { model: 'b' },
    { model: 'c', priority: -1 },
    { model: 'd' },
  ]);
  expect(orderOf(registry, viewOf(registry))).toEqual(['c', 'b', 'd', 'a']);
});

describe('user-selected', () => {
  const registry = setUp(
    'user-selected',
    [
      { model: 'a', tags: ['small', 'eu'] },
      { model: 'b', tags: ['eu'] },
    ],
    {
      fallback: ['c'],
    },
  );
  const select = (target?: string) =>
    orderOf(registry, viewOf(registry), routedCall('r', target ? { hints: { target } } : {}));

  it('takes what the caller names, by model or tag, and nothing else', () => {
    expect(select('b')).toEqual(['b']);
    expect(select('eu')).toEqual(['a', 'b']);
  });

  it('names the choices when the caller makes none, or another', () => {
    expect(() => select()).toThrow(/leaves the choice to the caller.*choose one of: a, small, eu, b/);
    expect(() => select('x')).toThrow("route 'r' has no target 'x'; choose one of: a, small, eu, b");
  });
});

it('scored adds up latency, load, errors and cost, and gives the numbers', () => {
  const registry = setUp(
    'scored',
    [
      { model: 'a', cost: { input: 1, output: 1 } },
      { model: 'b', cost: { input: 4, output: 4 } },
    ],
    { score: { latency: 1, load: 0, errors: 2, cost: 1 } },
  );
  const states = { a: stateOf({ firstEventMs: 100, errorRate: 0.5 }), b: stateOf({ firstEventMs: 50 }) };
  const { targets, reasons } = plan(routedCall('r'), registry, viewOf(registry, { states }));
  expect(targets.map(({ model }) => model)).toEqual(['b', 'a']);
  expect(reasons).toEqual([
    "scored: lowest score: 'b' 1.5 (latency 0.5, load 0, errors 0, cost 1); 'a' 2.25 (latency 1, load 0, errors 1, cost 0.25)",
  ]);
});

describe('a sticky key', () => {
  const sticky = (strategy: RoutingStrategy, key: string, names = NAMES) =>
    orderOf(
      setUp(
        strategy,
        names.map((model) => ({ model, weight: model === 'a' ? 5 : 1 })),
        { sticky: 'hint' },
      ),
      viewOf(setUp(strategy), { random: seeded(key.length) }),
      routedCall('r', { hints: { sticky: key } }),
    );
  const keys = Array.from({ length: 2000 }, (_, i) => `caller-${i}`);

  it.each(['round-robin', 'random', 'weighted'] as const)(
    '%s: a target that goes moves only its own callers',
    (strategy) => {
      for (const key of keys.slice(0, 300)) {
        const before = sticky(strategy, key);
        expect(sticky(strategy, key)).toEqual(before);
        expect(sticky(strategy, key, ['a', 'b', 'd'])).toEqual(before.filter((name) => name !== 'c'));
      }
    },
  );

  it('keeps the weights over all keys', () => {
    const first = keys.filter((key) => sticky('weighted', key)[0] === 'a').length;
    expect(Math.abs(first / keys.length - 5 / 8)).toBeLessThan(0.05);
  });

  it('least-loaded: a caller has two targets', () => {
    const registry = setUp('least-loaded', undefined, { sticky: 'hint' });
    const random = seeded(3);
    const seen = new Set<string>();
    for (let i = 0; i < 200; i++) {
      const view = viewOf(registry, { random, state: () => stateOf({ inFlight: Math.floor(random() * 5) }) });
      seen.add(orderOf(registry, view, routedCall('r', { hints: { sticky: 'me' } }))[0]!);
    }
    expect(seen.size).toBe(2);
  });
});
