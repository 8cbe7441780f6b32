import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { GuessWanted, Speculation } from '../speculation/speculation.ts';
import { BatchScheduler } from './batch-scheduler.ts';
import { ANYONE, counting, Probe, randomOf, REAL_COSTS, SimulatedEngine } from './simulated-engine.fixture.ts';

/** One request of a scenario. */
interface Script {
  readonly at: number;
  readonly tenant: string;
  readonly priority: number;
  readonly group: string | undefined;
  readonly choices: number;
  /** Prompts of the same family begin the same. */
  readonly family: number;
  readonly shared: number;
  readonly own: number;
  readonly limit: number;
  /** Step after which it is aborted. */
  readonly abortAfter: number | undefined;
  /** It stops reading for some steps at this one. */
  readonly pauseAt: number | undefined;
  /** Its sampler fails after so many tokens. */
  readonly failAfter: number | undefined;
}

const script = fc.record<Script>({
  at: fc.nat(30),
  tenant: fc.constantFrom('a', 'b', 'c'),
  priority: fc.integer({ min: -10, max: 10 }),
  group: fc.constantFrom(undefined, undefined, undefined, 'x', 'y'),
  choices: fc.constantFrom(1, 1, 1, 2, 5),
  family: fc.nat(2),
  shared: fc.constantFrom(0, 20, 90, 200),
  own: fc.integer({ min: 1, max: 120 }),
  limit: fc.integer({ min: 1, max: 12 }),
  abortAfter: fc.option(fc.nat(25), { nil: undefined, freq: 4 }),
  pauseAt: fc.option(fc.nat(25), { nil: undefined, freq: 4 }),
  failAfter: fc.option(fc.nat(6), { nil: undefined, freq: 6 }),
});

const promptOf = ({ family, shared, own }: Script, index: number): number[] => [
  ...counting(10_000 * (family + 1), shared),
  ...counting(1_000_000 + 1_000 * index, own),
];

/** Guesses what comes next, rightly or not, and sees to it that it is used as it may be. */
class Guesser implements Speculation {
  readonly open = new Map<number, number[]>();
  right = 0;
  readonly #random: () => number;
  #busy = false;

  constructor(seed: number) {
    this.#random = randomOf(seed);
  }

  begin(slot: number, prompt: Uint32Array): void {
    expect(this.#busy || this.open.has(slot)).toBe(false);
    this.open.set(slot, [...prompt]);
  }

  extend(slot: number, tokens: readonly number[]): void {
    const text = this.open.get(slot) as number[];
    expect(tokens).toEqual(counting((text.at(-1) ?? 0) + 1, tokens.length));
    text.push(...tokens);
    this.right += tokens.length - 1;
  }

  end(slot: number): void {
    expect(this.open.delete(slot)).toBe(true);
  }

  async propose(wanted: readonly GuessWanted[]): Promise<number[][]> {
    this.#busy = true;
    await turn();
    this.#busy = false;
    return wanted.map(({ slot, limit }) => {
      expect(limit).toBeGreaterThan(0);
      const next = (this.open.get(slot)?.at(-1) ?? 0) + 1;
      // Sometimes more than was asked for.
      const length = Math.floor(this.#random() * (limit + 2));
      return counting(next, length).map((token) => (this.#random() < 0.8 ? token : token + 7));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    expect(this.#busy).toBe(false);
  }
}

/** Plays a scenario to its end; gives the probes of each request and the engine. */
const play = async (
  scripts: readonly Script[],
  sizes: { readonly sequences: number; readonly batchSize: number; readonly inProcess?: boolean },
  speculation?: Speculation,
): Promise<{
  readonly probes: readonly Probe[][];
  readonly engine: SimulatedEngine;
  readonly loop: BatchScheduler;
}> => {
  const engine = new SimulatedEngine({ ...sizes, contextSize: 400, costs: REAL_COSTS });
  engine.interruptible = engine.ownThread = sizes.inProcess ?? false;
  const loop = new BatchScheduler(engine, { queueLimit: 1_000, stepMs: 20, now: engine.now, speculation });
  const probes = scripts.map((each, index) =>
    Array.from({ length: each.choices }, () => new Probe(promptOf(each, index), each.limit, each.group)),
  );
  const bySampler = new Map(probes.flat().map((probe) => [probe.sampler as object, probe]));
  const drawn = new Map<object, number[]>();
  engine.onSample = (sampler, cells) => {
    const before = drawn.get(sampler) ?? [];
    // What is sampled follows exactly what was sampled before for the sequence, wherever its cells came from, and is sampled once.
    expect(cells).toEqual([...(bySampler.get(sampler)?.prompt ?? []), ...before]);
    drawn.set(sampler, [...before, (cells.at(-1) ?? 0) + 1]);
  };
  engine.failSample = (sampler) => {
    const index = probes.findIndex((all) => all.some((probe) => probe.sampler === sampler));
    const failAfter = scripts[index]?.failAfter;
    return failAfter !== undefined && (drawn.get(sampler)?.length ?? 0) >= failAfter
      ? new Error('no grammar')
      : undefined;
  };
  const cancels = new Map<number, () => void>();
  let tick = 0;
  const act = (): void => {
    for (const [index, { at, tenant, priority, abortAfter, pauseAt }] of scripts.entries()) {
      const mine = probes[index] ?? [];
      if (at === tick) cancels.set(index, loop.submit(mine, { ...ANYONE, tenant, priority }));
      if (abortAfter !== undefined && at + abortAfter === tick) cancels.get(index)?.();
      if (pauseAt !== undefined && at + pauseAt === tick) for (const probe of mine) probe.paused = true;
      if (pauseAt !== undefined && at + pauseAt + 10 === tick) for (const probe of mine) probe.paused = false;
    }
    tick++;
    loop.wake();
  };
  // While a step is evaluated, so that an abort can interrupt it; where nothing else can happen meanwhile, at its end.
  engine.onEvaluation = act;
  engine.onDecode = () => {
    if (engine.ownThread && engine.steps.at(-1)?.rows.every(([, tokens]) => tokens === 1)) act();
  };
  const open = (): boolean => probes.some((all) => all.some((probe) => probe.released === 0));
  for (let idle = 0; open() && idle < 20_000; idle++) {
    const { length } = engine.steps;
    await turn();
    // Without steps time goes on all the same.
    if (engine.steps.length === length && idle % 4 === 0) act();
  }
  return { probes, engine, loop };
};

test('any scenario: each token once and in order, each end once, no budget overrun, nothing left behind', async () => {
  let [guessed, interruptions] = [0, 0];
  await fc.assert(
    fc.asyncProperty(
      fc.array(script, { minLength: 1, maxLength: 14 }),
      fc.constantFrom(1, 2, 3, 8),
      fc.constantFrom(16, 64, 512, 512),
      // With guesses, right and wrong ones, and without.
      fc.option(fc.integer(), { nil: undefined }),
      // In an engine process with the addon, and elsewhere.
      fc.boolean(),
      async (scripts, sequences, batchSize, seed, inProcess) => {
        const guesser = seed === undefined ? undefined : new Guesser(seed);
        const { probes, engine, loop } = await play(scripts, { sequences, batchSize, inProcess }, guesser);
        for (const [index, { limit, abortAfter, failAfter }] of scripts.entries()) {
          for (const { tokens, prompt, released, error } of probes[index] ?? []) {
            expect(released).toBe(1);
            expect(tokens).toEqual(counting((prompt.at(-1) ?? 0) + 1, tokens.length));
            if (failAfter !== undefined && tokens.length === failAfter && tokens.length < limit) {
              expect([undefined, 'provider_failed']).toContain(error?.code);
            } else expect(error).toBeUndefined();
            if (abortAfter === undefined && failAfter === undefined) expect(tokens).toHaveLength(limit);
          }
        }
        expect(loop.load).toMatchObject({ running: 0, waiting: 0, kvCache: 0 });
        expect(loop.lastFailure).toBeUndefined();
        for (const { rows } of engine.steps) {
          const ids = rows.map(([id]) => id);
          expect(ids).toEqual([...ids].sort((a, b) => a - b));
          expect(rows.reduce((sum, [, tokens]) => sum + tokens, 0)).toBeLessThanOrEqual(batchSize);
        }
        await loop[Symbol.asyncDispose]();
        expect(engine.disposed).toBe(1);
        if (guesser) expect(guesser.open.size).toBe(0);
        guessed += guesser?.right ?? 0;
        interruptions += engine.interruptions;
      },
    ),
    { numRuns: 250 },
  );
  expect(guessed).toBeGreaterThan(100);
  expect(interruptions).toBeGreaterThan(3);
}, 60_000);

describe('two tenants on eight sequences', () => {
  const run = async (order: readonly string[]): Promise<{ readonly starts: string[]; readonly halfway: number[] }> => {
    const engine = new SimulatedEngine({ sequences: 8, costs: REAL_COSTS });
    const loop = new BatchScheduler(engine, { queueLimit: 64, stepMs: 50, now: engine.now });
    const random = randomOf(7);
    const starts: string[] = [];
    const tokens = new Map<string, number>();
    let halfway: number[] | undefined;
    const probes = order.map((tenant, index) => {
      const limit = 10 + Math.floor(random() * 30);
      const probe = new Probe(counting(1_000 * index, 20 + Math.floor(random() * 60)), limit);
      probe.onStart = () => void starts.push(tenant);
      const onToken = probe.onToken.bind(probe);
      probe.onToken = (token) => {
        tokens.set(tenant, (tokens.get(tenant) ?? 0) + 1);
        return onToken(token);
      };
      loop.submit([probe], { ...ANYONE, tenant });
      return probe;
    });
    engine.onDecode = () => {
      if (!halfway && probes.filter(({ released }) => released).length >= probes.length / 2)
        halfway = ['a', 'b'].map((tenant) => tokens.get(tenant) ?? 0);
    };
    await Promise.all(probes.map(({ ended }) => ended));
    return { starts, halfway: halfway ?? [] };
  };

  test('get the same share, whoever asked first', async () => {
    for (const order of [
      Array.from({ length: 64 }, (_, i) => (i % 2 === 0 ? 'a' : 'b')),
      Array.from({ length: 64 }, (_, i) => (i < 32 ? 'a' : 'b')),
    ]) {
      const [a = 0, b = 0] = (await run(order)).halfway;
      expect(Math.abs(a - b) / (a + b)).toBeLessThan(0.1);
    }
  });

  test('one that asks for little is served next, also when the other asked for much before', async () => {
    const { starts } = await run(Array.from({ length: 64 }, (_, i) => (i < 60 ? 'a' : 'b')));
    // Its four are among the first eight and those that follow them.
    expect(starts.lastIndexOf('b')).toBeLessThan(16);
  });
});

test('priorities age: one that waits is not passed for ever', async () => {
  const engine = new SimulatedEngine({ sequences: 1, costs: { ...REAL_COSTS, step: 400 } });
  const loop = new BatchScheduler(engine, { queueLimit: 64, stepMs: 50, now: engine.now });
  const low = new Probe(counting(1, 3), 2);
  const others: Probe[] = [];
  let before: number | undefined;
  low.onStart = () => (before = others.filter(({ released }) => released).length);
  const more = (): void => {
    if (low.released || others.length - others.filter(({ released }) => released).length > 2) return;
    const probe = new Probe(counting(1_000 * (others.length + 1), 3), 2);
    others.push(probe);
    loop.submit([probe], { ...ANYONE, priority: 10 });
  };
  more();
  loop.submit([low], { ...ANYONE, priority: -10 });
  engine.onDecode = more;
  await low.ended;
  // 20 steps of priority are 20 seconds, in which about 25 others of 0.8 seconds are served.
  expect(before).toBeGreaterThan(10);
  expect(before).toBeLessThan(40);
});

test('a long prompt beside four streams makes their tokens wait less than three times as long', async () => {
  const engine = new SimulatedEngine({ sequences: 8, contextSize: 8_000, batchSize: 512, costs: REAL_COSTS });
  const loop = new BatchScheduler(engine, { queueLimit: 64, stepMs: 50, now: engine.now });
  const streams = Array.from({ length: 4 }, (_, i) => new Probe(counting(1_000 * i, 30), 600));
  for (const stream of streams) loop.submit([stream], ANYONE);
  const gaps: { readonly at: number; readonly ms: number }[] = [];
  let last: number | undefined;
  const first = streams[0] as Probe;
  const onToken = first.onToken.bind(first);
  first.onToken = (token) => {
    if (last !== undefined) gaps.push({ at: first.tokens.length, ms: engine.clock - last });
    last = engine.clock;
    return onToken(token);
  };
  const long = new Probe(counting(100_000, 4_000), 5);
  engine.onDecode = () => {
    if (first.tokens.length === 200 && long.reused === undefined && loop.load.waiting === 0 && loop.load.running === 4)
      loop.submit([long], { ...ANYONE, tenant: 'other' });
  };
  await Promise.all([...streams, long].map(({ ended }) => ended));
  const p99 = (all: readonly number[]): number => [...all].sort((a, b) => a - b)[Math.floor(all.length * 0.99)] ?? 0;
  const alone = p99(gaps.filter(({ at }) => at > 20 && at < 200).map(({ ms }) => ms));
  const beside = p99(gaps.filter(({ at }) => at >= 200).map(({ ms }) => ms));
  expect(long.tokens).toHaveLength(5);
  expect(beside / alone).toBeLessThan(3);
  expect(beside / alone).toBeGreaterThan(1.5);
  // Nobody waits longer for an abort than a step takes.
  expect(Math.max(...engine.steps.map(({ ms }) => ms))).toBeLessThan(100);
});
