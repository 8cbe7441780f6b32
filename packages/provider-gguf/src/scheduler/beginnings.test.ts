import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { BatchScheduler, type BatchSchedulerOptions } from './batch-scheduler.ts';
import type { PrefixStore, SlotContent } from './prefix-store.ts';
import { ANYONE, counting, Probe, REAL_COSTS, SimulatedEngine } from './simulated-engine.fixture.ts';

interface Setup {
  readonly engine: SimulatedEngine;
  readonly loop: BatchScheduler;
  /** Tokens evaluated so far. */
  evaluated(): number;
}

const setup = (sequences: number, rest: Partial<BatchSchedulerOptions> = {}): Setup => {
  const engine = new SimulatedEngine({ sequences, contextSize: 2_000, batchSize: 512, costs: REAL_COSTS });
  const loop = new BatchScheduler(engine, { queueLimit: 100, stepMs: 50, now: engine.now, ...rest });
  engine.onSample = (_sampler, cells) => expect(cells.length).toBeGreaterThan(0);
  return {
    engine,
    loop,
    evaluated: () => engine.steps.reduce((sum, { rows }) => sum + rows.reduce((all, [, n]) => all + n, 0), 0),
  };
};
const ended = (probes: readonly Probe[]): Promise<unknown> => Promise.all(probes.map((probe) => probe.ended));

describe('a beginning that several have', () => {
  test('is evaluated once for the choices of one request', async () => {
    const { loop, engine, evaluated } = setup(4);
    const probes = Array.from({ length: 4 }, () => new Probe(counting(0, 300), 5));
    loop.submit(probes, ANYONE);
    await ended(probes);
    for (const { tokens } of probes) expect(tokens).toEqual(counting(300, 5));
    expect(probes.map(({ reused }) => reused)).toEqual([0, 299, 299, 299]);
    expect(engine.copies).toBe(3);
    // The last token of a prompt is evaluated by each, and the last token of an answer by none.
    expect(evaluated()).toBe(300 + 3 + 4 * 4);
    expect(loop.load.prefix).toMatchObject({ hits: 3, misses: 1, reusedTokens: 3 * 299 });
  });

  test('is copied from a sequence that generates', async () => {
    const { loop, engine } = setup(2);
    const first = new Probe(counting(0, 300), 50);
    const second = new Probe([...counting(0, 300), 7, 8], 5);
    loop.submit([first], ANYONE);
    engine.onDecode = () => {
      if (first.tokens.length === 10 && second.reused === undefined) loop.submit([second], ANYONE);
    };
    await ended([first, second]);
    expect(second.reused).toBe(300);
    expect(second.tokens).toEqual(counting(9, 5));
    expect(first.tokens).toEqual(counting(300, 50));
  });

  test('is evaluated by the next one when the first is aborted, or does not go on', async () => {
    for (const stop of ['abort', 'pause'] as const) {
      const { loop, engine } = setup(4);
      const [first, ...others] = Array.from({ length: 3 }, () => new Probe(counting(0, 900), 5)) as [Probe, ...Probe[]];
      const cancel = loop.submit([first], ANYONE);
      loop.submit(others, ANYONE);
      engine.onDecode = () => {
        if (engine.steps.length !== 3) return;
        if (stop === 'abort') cancel();
        else first.paused = true;
      };
      await ended(others);
      for (const { tokens } of others) expect(tokens).toEqual(counting(900, 5));
      expect(others[1]?.reused).toBe(899);
      first.paused = false;
      loop.wake();
      await first.ended;
    }
  });

  test('is not shared between tenants, unless that is allowed, and never between groups', async () => {
    const reusedBy = async (tenants: readonly string[], groups: readonly (string | undefined)[], rest: object = {}) => {
      const { loop } = setup(4, rest);
      const probes = groups.map((group) => new Probe(counting(0, 300), 5, group));
      for (const [i, probe] of probes.entries()) {
        loop.submit([probe], { ...ANYONE, tenant: tenants[i] ?? '' });
        await probe.ended;
      }
      return probes.map(({ reused }) => reused);
    };
    const none = [undefined, undefined];
    expect(await reusedBy(['a', 'a'], none)).toEqual([0, 299]);
    expect(await reusedBy(['a', 'b'], none)).toEqual([0, 0]);
    expect(await reusedBy(['a', 'b'], none, { shareAcrossTenants: true })).toEqual([0, 299]);
    expect(await reusedBy(['a', 'a'], ['x', undefined], { shareAcrossTenants: true })).toEqual([0, 0]);
    expect(await reusedBy(['a', 'a'], ['x', 'x'])).toEqual([0, 299]);
  });

  test('a failed step does not leave copies that were not made', async () => {
    const { loop, engine } = setup(3);
    const first = new Probe(counting(0, 300), 50);
    const second = new Probe(counting(0, 301), 5);
    loop.submit([first], ANYONE);
    engine.onDecode = () => {
      if (first.tokens.length !== 10 || second.reused !== undefined) return;
      loop.submit([second], ANYONE);
      engine.failDecode = undefined;
    };
    const copy = engine.copy.bind(engine);
    engine.copy = (from, to) => {
      engine.failDecode = new Error('out of cells');
      return copy(from, to);
    };
    await ended([first, second]);
    expect([first.error?.code, second.error?.code]).toEqual(['provider_failed', 'provider_failed']);
    engine.copy = copy;
    const third = new Probe(counting(0, 300), 5);
    loop.submit([third], ANYONE);
    await third.ended;
    expect(third.reused).toBe(0);
    expect(third.tokens).toEqual(counting(300, 5));
  });
});

test('groups have steps of their own, and are entered before them', async () => {
  const entered: (string | undefined)[] = [];
  const { loop, engine } = setup(4, { enterGroup: (group) => void entered.push(group) });
  const probes = [undefined, 'x', 'x', 'y'].map((group, i) => new Probe(counting(1_000 * i, 5), 6, group));
  loop.submit(probes, ANYONE);
  await ended(probes);
  for (const [i, { tokens }] of probes.entries()) expect(tokens).toEqual(counting(1_000 * i + 5, 6));
  for (const { rows } of engine.steps) {
    const ids = rows.map(([id]) => id);
    expect([[0], [1, 2], [3]]).toContainEqual(ids);
  }
  expect(entered.slice(0, 3)).toEqual(['x', 'y', undefined]);
});

describe('a store of saved states', () => {
  const states = (engine: SimulatedEngine): PrefixStore & { readonly calls: string[] } => {
    const calls: string[] = [];
    const saved = new Map<string, readonly number[]>();
    const keep = async ({ slot, tenant, tokens }: SlotContent): Promise<void> => {
      const file = `${tenant}-${saved.size}`;
      await engine.save(slot, file, Uint32Array.from(tokens));
      saved.set(file, [...tokens]);
    };
    return {
      calls,
      find: ({ tenant }, prompt, moreThan) => {
        for (const [file, tokens] of saved) {
          const length = Math.min(tokens.length, prompt.length - 1);
          const same = file.startsWith(tenant) && tokens.slice(0, length).every((token, i) => prompt[i] === token);
          if (!same || length <= moreThan) continue;
          return {
            length,
            restore: async (cells, slot) => {
              calls.push('restore');
              return (await cells.load(slot, file)).length;
            },
          };
        }
        return undefined;
      },
      began: (_slot, _owner, prompt, kept) => (kept === 0 && prompt.length > 100 ? 100 : undefined),
      reached: ({ tokens }) => void calls.push(`reached ${tokens.length}`),
      beforeDrop: (content, kept) => {
        calls.push(`drop ${content.tokens.length} ${kept}`);
        return keep(content);
      },
      onClose: async (contents) => void calls.push(`close ${contents.length}`),
    };
  };

  test('is asked at each border of a sequence’s life', async () => {
    const engine = new SimulatedEngine({ sequences: 1, contextSize: 2_000, batchSize: 512 });
    const store = states(engine);
    const loop = new BatchScheduler(engine, { queueLimit: 9, stepMs: 1e9, now: engine.now, prefixes: store });
    const ask = async (prompt: number[]): Promise<Probe> => {
      const probe = new Probe(prompt, 3);
      loop.submit([probe], { ...ANYONE, tenant: 't' });
      await probe.ended;
      return probe;
    };
    await ask(counting(0, 300));
    await ask(counting(5_000, 40));
    const again = await ask([...counting(0, 300), 9]);
    expect(again.reused).toBe(300);
    expect(again.tokens).toEqual([10, 11, 12]);
    await turn();
    await loop[Symbol.asyncDispose]();
    expect(store.calls).toEqual([
      'reached 100',
      'reached 300',
      'drop 302 0',
      'reached 40',
      'drop 42 0',
      'restore',
      'reached 301',
      'close 1',
    ]);
  });

  test('holds a sequence back while a state is made ready', async () => {
    const engine = new SimulatedEngine({ sequences: 2, contextSize: 2_000, batchSize: 512 });
    engine.files.set('f', counting(0, 200));
    let ready: () => void = () => undefined;
    let pending: Promise<void> | undefined = new Promise<void>((resolve) => (ready = resolve));
    const prefixes: PrefixStore = {
      find: (_owner, prompt) =>
        prompt[0] === 0
          ? {
              length: 200,
              ...(pending && { pending }),
              restore: async (cells, slot) => (await cells.load(slot, 'f')).length,
            }
          : undefined,
    };
    const loop = new BatchScheduler(engine, { queueLimit: 9, stepMs: 1e9, now: engine.now, prefixes });
    const [held, other] = [new Probe([...counting(0, 200), 5], 3), new Probe(counting(9_000, 50), 3)];
    loop.submit([held, other], ANYONE);
    await other.ended;
    expect(held.reused).toBeUndefined();
    pending = undefined;
    ready();
    await held.ended;
    expect(held.reused).toBe(200);
    expect(held.tokens).toEqual([6, 7, 8]);
  });
});
