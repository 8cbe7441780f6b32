import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DynamicBatcher, type BatcherOptions } from './dynamic-batcher.ts';
import { RunCosts } from './run-costs.ts';
import { WaitingItems, type Claim } from './waiting-items.ts';

const OPTIONS: BatcherOptions = {
  name: 'm',
  maxTokens: 64,
  maxItems: 100,
  maxDelayMs: 0,
  queueLimit: 1_000,
  exact: false,
};

const never = new AbortController().signal;
const claimOf = (tenant = '', caller: object = {}, priority = 0): Claim => ({ tenant, caller, priority });

/** An engine that works when it is told to, and remembers what it was given. */
class SimulatedEngine {
  readonly batches: (readonly number[])[] = [];
  readonly #waiting: (() => void)[] = [];
  running = 0;

  readonly run = async (inputs: readonly number[], signal: AbortSignal): Promise<readonly number[]> => {
    expect(this.running++, 'one batch at a time').toBe(0);
    this.batches.push(inputs);
    try {
      await new Promise<void>((resolve, reject) => {
        this.#waiting.push(resolve);
        signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      });
      if (inputs.includes(-1)) throw new Error('bad input');
    } finally {
      this.running--;
    }
    return inputs.map((input) => input * 10);
  };

  async step(): Promise<void> {
    await turn();
    await turn();
    this.#waiting.shift()?.();
    await turn();
  }

  async all(): Promise<void> {
    for (let idle = 0; idle < 3; idle = this.running > 0 ? 0 : idle + 1) await this.step();
  }
}

const settled = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (value) => value,
    (error: unknown) => (error as { code: string }).code,
  );

describe('DynamicBatcher', () => {
  test('begins at once when idle, and gathers while it works', async () => {
    const engine = new SimulatedEngine();
    await using batcher = new DynamicBatcher({ ...OPTIONS, maxDelayMs: 50 }, engine.run);
    const first = batcher.submit(1, 8, claimOf(), never);
    await turn();
    await turn();
    expect(engine.batches).toEqual([[1]]);
    const others = [2, 3, 4].map((input) => batcher.submit(input, 8, claimOf(), never));
    expect([batcher.running, batcher.waiting]).toEqual([1, 3]);
    await engine.step();
    expect(await first).toBe(10);
    await engine.all();
    expect(engine.batches).toEqual([[1], [2, 3, 4]]);
    expect(await Promise.all(others)).toEqual([20, 30, 40]);
  });

  test('inputs of one turn go together', async () => {
    const engine = new SimulatedEngine();
    await using batcher = new DynamicBatcher(OPTIONS, engine.run);
    const answers = [1, 2, 3].map((input) => batcher.submit(input, 4, claimOf(), never));
    await engine.all();
    expect(await Promise.all(answers)).toEqual([10, 20, 30]);
    expect(engine.batches).toEqual([[1, 2, 3]]);
  });

  test('waits a little for a crowd that was just served', async () => {
    const batches: (readonly number[])[] = [];
    await using batcher = new DynamicBatcher({ ...OPTIONS, maxDelayMs: 500 }, async (inputs: readonly number[]) => {
      batches.push(inputs);
      await pause(40);
      return inputs.map((input) => input * 10);
    });
    const submit = (input: number): Promise<number> => batcher.submit(input, 4, claimOf(), never);
    for (let round = 0; round < 8; round++) await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(submit));
    const before = batches.length;
    const one = submit(1);
    await turn();
    await turn();
    expect(await Promise.all([one, submit(2)])).toEqual([10, 20]);
    expect(batches.slice(before)).toEqual([[1, 2]]);
  });

  test('an aborted input leaves the others alone; a batch that nobody wants ends', async () => {
    const engine = new SimulatedEngine();
    await using batcher = new DynamicBatcher(OPTIONS, engine.run);
    const [one, two, three] = [new AbortController(), new AbortController(), new AbortController()];
    const answers = [one, two].map((abort, i) => settled(batcher.submit(i + 1, 4, claimOf(), abort.signal)));
    await turn();
    await turn();
    const waiting = settled(batcher.submit(3, 4, claimOf(), three.signal));
    three.abort();
    expect(await waiting).toBe('cancelled');
    one.abort();
    expect(await answers[0]).toBe('cancelled');
    expect(engine.running).toBe(1);
    two.abort();
    expect(await answers[1]).toBe('cancelled');
    await turn();
    expect(engine.running).toBe(0);
    expect(await settled(batcher.submit(1, 1, claimOf(), AbortSignal.abort()))).toBe('cancelled');
  });

  test('an input that makes a batch fail fails alone', async () => {
    const engine = new SimulatedEngine();
    await using batcher = new DynamicBatcher(OPTIONS, engine.run);
    const answers = [1, -1, 3].map((input) => settled(batcher.submit(input, 4, claimOf(), never)));
    await engine.all();
    expect(await Promise.all(answers)).toEqual([10, 'provider_failed', 30]);
  });

  test('refuses more than may wait, and ends all when it is closed', async () => {
    const engine = new SimulatedEngine();
    const batcher = new DynamicBatcher({ ...OPTIONS, queueLimit: 2 }, engine.run);
    const running = settled(batcher.submit(1, 4, claimOf(), never));
    await turn();
    await turn();
    const waiting = [2, 3].map((input) => settled(batcher.submit(input, 4, claimOf(), never)));
    expect(await settled(batcher.submit(4, 4, claimOf(), never))).toBe('overloaded');
    await batcher[Symbol.asyncDispose]();
    expect(await Promise.all([running, ...waiting])).toEqual(Array(3).fill('shutting_down'));
    expect(await settled(batcher.submit(5, 4, claimOf(), never))).toBe('shutting_down');
  });

  test('whatever comes and goes: every input is answered once, batches keep their limits, order within a caller is kept', async () => {
    const script = fc.record({
      tenant: fc.constantFrom('a', 'b', 'c'),
      caller: fc.nat(2),
      priority: fc.integer({ min: -2, max: 2 }),
      length: fc.integer({ min: 1, max: 40 }),
      at: fc.nat(10),
      abortAt: fc.option(fc.nat(12), { nil: undefined, freq: 4 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(script, { maxLength: 40 }), fc.boolean(), async (scripts, exact) => {
        const engine = new SimulatedEngine();
        const lengths = scripts.map(({ length }) => length);
        await using batcher = new DynamicBatcher({ ...OPTIONS, exact }, engine.run);
        const callers = new Map<string, object>();
        const results: Promise<unknown>[] = [];
        const aborts = scripts.map(() => new AbortController());
        for (let at = 0; at <= 12; at++) {
          for (const [index, { tenant, caller, priority, length, at: own }] of scripts.entries()) {
            if (own !== at) continue;
            const key = `${tenant}${caller}`;
            if (!callers.has(key)) callers.set(key, {});
            const claim = claimOf(tenant, callers.get(key), priority);
            results[index] = settled(batcher.submit(index, length, claim, (aborts[index] as AbortController).signal));
          }
          for (const [index, { abortAt }] of scripts.entries()) if (abortAt === at) aborts[index]?.abort();
          await engine.step();
        }
        await engine.all();
        const answers = await Promise.all(results);
        const ran = engine.batches.flat();
        expect(new Set(ran).size).toBe(ran.length);
        for (const [index, answer] of answers.entries()) {
          if (scripts[index]?.abortAt === undefined) expect(answer).toBe(index * 10);
          else expect([index * 10, 'cancelled']).toContain(answer);
        }
        for (const batch of engine.batches) {
          const longest = Math.max(...batch.map((index) => lengths[index] as number));
          if (batch.length > 1) expect(longest * batch.length).toBeLessThanOrEqual(OPTIONS.maxTokens);
          if (exact) expect(new Set(batch.map((index) => lengths[index])).size).toBe(1);
        }
        expect([batcher.running, batcher.waiting]).toEqual([0, 0]);
      }),
      { numRuns: 60 },
    );
  });
});

describe('WaitingItems', () => {
  const item = (length: number, claim: Claim): { length: number; claim: Claim } => ({ length, claim });
  const limits = { maxTokens: 64, maxItems: 4, paddingTokens: 8 };

  test('one caller with thousands of inputs keeps nobody waiting, of its own tenant or another', () => {
    const waiting = new WaitingItems<{ length: number; claim: Claim }>(false);
    const [bulk, single, other] = [claimOf('a'), claimOf('a'), claimOf('b')];
    for (let i = 0; i < 1_000; i++) waiting.push(item(16, bulk));
    waiting.take(limits);
    waiting.push(item(16, single));
    waiting.push(item(16, other));
    const next = waiting.take(limits).map(({ claim }) => claim);
    expect(next).toContain(single);
    expect(next).toContain(other);
  });

  test('tenants get equal shares of tokens while they wait', () => {
    const waiting = new WaitingItems<{ length: number; claim: Claim }>(false);
    const [a, b] = [claimOf('a'), claimOf('b')];
    for (let i = 0; i < 300; i++) waiting.push(item(16, a));
    for (let i = 0; i < 300; i++) waiting.push(item(4, b));
    const tokens = { a: 0, b: 0 };
    for (let i = 0; i < 40; i++)
      for (const { length, claim } of waiting.take(limits)) tokens[claim.tenant as 'a' | 'b'] += length;
    expect(tokens.a / tokens.b).toBeGreaterThan(0.8);
    expect(tokens.a / tokens.b).toBeLessThan(1.25);
  });

  test('higher priorities of a tenant come first, and lower ones in the end', () => {
    const waiting = new WaitingItems<{ length: number; claim: Claim }>(false);
    const [low, high] = [claimOf('a', {}, -1), claimOf('a', {}, 1)];
    waiting.push(item(16, low));
    for (let i = 0; i < 1_000; i++) waiting.push(item(16, high));
    expect(waiting.take({ ...limits, maxItems: 1 })[0]?.claim).toBe(high);
    let taken = 0;
    while (waiting.take({ ...limits, maxItems: 1 })[0]?.claim !== low) taken++;
    expect(taken).toBeGreaterThan(100);
    expect(taken).toBeLessThan(900);
  });

  test('lengths are joined as long as padding is cheaper than another run', () => {
    const together = (paddingTokens: number): number[] => {
      const waiting = new WaitingItems<{ length: number; claim: Claim }>(false);
      for (const length of [10, 12, 30]) waiting.push(item(length, claimOf()));
      return waiting.take({ ...limits, maxTokens: 1_000, paddingTokens }).map(({ length }) => length);
    };
    expect(together(0)).toEqual([10]);
    expect(together(4)).toEqual([10, 12]);
    expect(together(100)).toEqual([10, 12, 30]);
  });
});

test('RunCosts learns what a run costs beside its tokens', () => {
  const costs = new RunCosts();
  expect(costs.overheadTokens).toBeGreaterThan(0);
  for (let i = 0; i < 200; i++) costs.observe(10 + ((i * 37) % 100), 2 + 0.05 * (10 + ((i * 37) % 100)));
  expect(costs.overheadTokens).toBeCloseTo(40, 0);
  for (let i = 0; i < 400; i++) costs.observe(10 + ((i * 37) % 100), 0.1 * (10 + ((i * 37) % 100)));
  expect(costs.overheadTokens).toBeLessThan(1);
  const same = new RunCosts();
  for (let i = 0; i < 50; i++) same.observe(64, 5);
  expect(same.overheadTokens).toBe(new RunCosts().overheadTokens);
});
