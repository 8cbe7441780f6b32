import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { BatchScheduler } from './batch-scheduler.ts';
import type { Claim, Sequence } from './scheduler.ts';
import { ANYONE, counting, Probe, REAL_COSTS, SimulatedEngine } from './simulated-engine.fixture.ts';

/** A scheduler whose requests are all of one tenant. */
class Loop extends BatchScheduler {
  override submit(sequences: readonly Sequence[], claim: Claim = ANYONE): () => void {
    return super.submit(sequences, claim);
  }
}

const setup = (sequences: number, queueLimit = 100): { readonly context: SimulatedEngine; readonly loop: Loop } => {
  const context = new SimulatedEngine({ sequences });
  return { context, loop: new Loop(context, { queueLimit, stepMs: 1e9, now: context.now }) };
};
const prompts = (...starts: number[]): Probe[] => starts.map((start) => new Probe(counting(start, 3)));

describe('steps', () => {
  test('hold one row for each sequence that generates, ordered by sequence', async () => {
    const { context, loop } = setup(3);
    const probes = prompts(100, 200, 300);
    loop.submit(probes);
    await Promise.all(probes.map((probe) => probe.ended));
    expect(probes.map((probe) => probe.tokens)).toEqual([103, 203, 303].map((first) => counting(first, 5)));
    expect(context.steps[0]?.rows).toEqual([
      [0, 3],
      [1, 3],
      [2, 3],
    ]);
    expect(context.steps.slice(1).every(({ rows }) => JSON.stringify(rows) === '[[0,1],[1,1],[2,1]]')).toBe(true);
    expect(context.steps).toHaveLength(5);
  });

  test('go on with sequences that generate while a long prompt comes in pieces', async () => {
    const { context, loop } = setup(2);
    const short = new Probe(counting(1, 2), 16);
    const long = new Probe(counting(1000, 400), 2);
    loop.submit([short]);
    context.onDecode = () => {
      if (context.steps.length < 4) return;
      context.onDecode = undefined;
      loop.submit([long]);
    };
    await Promise.all([short.ended, long.ended]);
    const kinds = context.steps.map(({ rows }) => rows.map(([sequence]) => sequence).join());
    // One after the other, never both in one step, until the short one has ended.
    expect(kinds.slice(4, 11).join(' ')).toMatch(/^(?:0 1 0 1 0 1 0|1 0 1 0 1 0 1)$/);
    expect(Math.max(...context.steps.flatMap(({ rows }) => rows.map(([, n]) => n)))).toBeLessThanOrEqual(
      context.batchSize,
    );
    expect(long.tokens).toEqual([1400, 1401]);
  });

  test('evaluate prompts that came together before the first of their answers goes on', async () => {
    const { context, loop } = setup(2);
    const probes = [1000, 2000].map((start) => new Probe(counting(start, 150), 4));
    loop.submit(probes);
    await Promise.all(probes.map((probe) => probe.ended));
    const prompts = context.steps.map(({ rows }) => rows.some(([, tokens]) => tokens > 1));
    expect(prompts.lastIndexOf(true)).toBeLessThan(prompts.indexOf(false));
  });

  test('evaluate prompts in the order of their arrival', async () => {
    const { context, loop } = setup(3);
    const probes = [1000, 2000, 3000].map((start) => new Probe(counting(start, 150), 1));
    loop.submit(probes);
    await Promise.all(probes.map((probe) => probe.ended));
    const order = context.steps.flatMap(({ rows }) => rows.map(([sequence]) => sequence));
    expect(order.filter((sequence, i) => order[i - 1] !== sequence)).toEqual([0, 1, 2]);
  });

  test('leave a paused sequence out until it is woken, and the others go on', async () => {
    const { context, loop } = setup(2);
    const [held, free] = [new Probe([1, 2], 50), new Probe([10, 20], 20)];
    loop.submit([held, free]);
    context.onDecode = () => {
      held.paused = context.steps.length >= 5;
    };
    await free.ended;
    expect(held.tokens.length).toBe(5);
    expect(free.tokens.length).toBe(20);
    const steps = context.steps.length;
    for (let i = 0; i < 5; i++) await turn();
    expect(context.steps.length).toBe(steps);
    context.onDecode = undefined;
    held.paused = false;
    loop.wake();
    await held.ended;
    expect(held.tokens).toEqual(counting(3, 50));
  });
});

describe('slots', () => {
  test('are taken by waiting sequences in order', async () => {
    const { loop } = setup(1);
    const probes = prompts(100, 200, 300);
    const ends: number[] = [];
    probes.forEach((probe, i) => void probe.ended.then(() => ends.push(i)));
    loop.submit(probes);
    await turn();
    expect(loop.load).toMatchObject({ running: 1, waiting: 2 });
    await Promise.all(probes.map((probe) => probe.ended));
    expect(ends).toEqual([0, 1, 2]);
    expect(loop.load).toMatchObject({ running: 0, waiting: 0, kvCache: 0 });
  });

  test('refuse what does not fit into the queue, all of it', async () => {
    const { loop } = setup(1, 2);
    const probes = prompts(1, 2, 3);
    loop.submit(probes);
    expect(() => loop.submit(prompts(4))).toThrow(
      expect.objectContaining({ code: 'overloaded', details: { parallel: 1, waiting: 2, queueLimit: 2 } }) as Error,
    );
    await Promise.all(probes.map((probe) => probe.ended));
    expect(() => loop.submit(prompts(1, 2, 3, 4))).toThrow(expect.objectContaining({ code: 'overloaded' }) as Error);
    expect(loop.load).toMatchObject({ running: 0, waiting: 0, kvCache: 0 });
  });

  test('keep what they evaluated for a prompt that starts the same', async () => {
    const { context, loop } = setup(2);
    const first = new Probe(counting(1, 20));
    loop.submit([first]);
    await first.ended;
    const again = new Probe([...counting(1, 20), 99]);
    loop.submit([again]);
    await again.ended;
    expect(again.reused).toBe(20);
    expect(context.steps.at(-5)?.rows).toEqual([[0, 1]]);
    expect(context.cells.get(0)).toEqual([...counting(1, 20), 99, ...counting(100, 4)]);
  });

  test('start anew where a cache cannot be cut or has moved on', async () => {
    for (const broken of [
      (context: SimulatedEngine) => (context.cutsTo = () => -1),
      (context: SimulatedEngine) => (context.first = 7),
    ]) {
      const { context, loop } = setup(1);
      const first = new Probe(counting(1, 20));
      loop.submit([first]);
      await first.ended;
      broken(context);
      const again = new Probe([...counting(1, 20), 99]);
      loop.submit([again]);
      await again.ended;
      expect(again.reused).toBe(0);
      expect(again.tokens).toEqual(counting(100, 5));
    }
  });
});

describe('ends', () => {
  test('a cancelled sequence leaves with the step in progress, also while its prompt is evaluated', async () => {
    const { context, loop } = setup(1);
    const long = new Probe(counting(0, 900), 5);
    const cancel = loop.submit([long]);
    context.onDecode = () => {
      if (context.steps.length === 2) cancel();
    };
    await long.ended;
    expect(context.steps).toHaveLength(2);
    expect(long).toMatchObject({ tokens: [], error: undefined, released: 1 });
    const next = new Probe([5, 6]);
    loop.submit([next]);
    await next.ended;
    expect(next.tokens).toEqual(counting(7, 5));
  });

  describe('where a long step can be interrupted', () => {
    /** Two prompts that fit into one step; the second one is not wanted any more while the step is evaluated. */
    const interrupted = async (arrange: (context: SimulatedEngine) => void) => {
      const context = new SimulatedEngine({ sequences: 2, batchSize: 512, costs: { ...REAL_COSTS, step: 0 } });
      const loop = new Loop(context, { queueLimit: 10, stepMs: 40, now: context.now });
      const known = new Probe(counting(9_000, 400), 2);
      loop.submit([known]);
      await known.ended;
      context.interruptible = true;
      arrange(context);
      const [kept, gone] = [new Probe(counting(0, 100), 3), new Probe(counting(2_000, 300), 3)];
      loop.submit([kept]);
      const cancel = loop.submit([gone]);
      const before = context.steps.length;
      context.onEvaluation = () => {
        if (context.steps.at(-1)?.rows.length === 2) cancel();
      };
      await Promise.all([kept.ended, gone.ended]);
      expect(gone).toMatchObject({ tokens: [], error: undefined, released: 1 });
      expect(kept).toMatchObject({ tokens: counting(100, 3), error: undefined });
      const sizes = context.steps.slice(before).map(({ rows }) => rows.map(([, tokens]) => tokens).join('+'));
      return { context, sizes };
    };

    test('a cancelled sequence leaves at once, and the others of the step make progress in one that cannot be', async () => {
      const { context, sizes } = await interrupted(() => undefined);
      expect(context.interruptions).toBe(1);
      // 40 ms are 57 tokens; a longer step has at most twice as many as the longest before.
      expect(sizes).toEqual(['14+100', '57', '43', '1', '1']);
    });

    test('what cannot be cut back begins anew', async () => {
      const { context, sizes } = await interrupted((engine) => {
        engine.cutsTo = (position) => (position === 0 ? 0 : -1);
      });
      expect(context.interruptions).toBe(1);
      expect(sizes.slice(1)).toEqual(['57', '43', '1', '1']);
    });

    test('a step that is short already is not', async () => {
      const context = new SimulatedEngine({ sequences: 1, batchSize: 512, costs: REAL_COSTS });
      const loop = new Loop(context, { queueLimit: 10, stepMs: 1e9, now: context.now });
      context.interruptible = true;
      const probe = new Probe(counting(0, 400), 5);
      const cancel = loop.submit([probe]);
      context.onEvaluation = cancel;
      await probe.ended;
      expect({ interruptions: context.interruptions, steps: context.steps.length }).toEqual({
        interruptions: 0,
        steps: 1,
      });
    });
  });

  test('a cancelled sequence that waits never starts', async () => {
    const { loop } = setup(1);
    const [running, waiting] = [new Probe([1, 2], 20), new Probe([3, 4])];
    loop.submit([running]);
    loop.submit([waiting])();
    await Promise.all([running.ended, waiting.ended]);
    expect(waiting).toMatchObject({ reused: undefined, tokens: [], released: 1 });
  });

  test('a paused sequence can be cancelled when nothing else runs', async () => {
    const { loop } = setup(1);
    const probe = new Probe([1, 2]);
    probe.paused = true;
    const cancel = loop.submit([probe]);
    for (let i = 0; i < 5; i++) await turn();
    cancel();
    await probe.ended;
    expect(loop.load.running).toBe(0);
  });

  test('an error in one sequence ends that one', async () => {
    const { context, loop } = setup(3);
    const probes = prompts(100, 200, 300);
    context.failSample = (sampler) =>
      sampler === probes[1]?.sampler && probes[1].tokens.length === 2 ? new Error('no grammar') : undefined;
    loop.submit(probes);
    await Promise.all(probes.map((probe) => probe.ended));
    expect(probes.map(({ tokens, error }) => [tokens.length, error?.code])).toEqual([
      [5, undefined],
      [2, 'provider_failed'],
      [5, undefined],
    ]);
    expect(loop.lastFailure).toBeUndefined();
  });

  test('a step that fails ends its sequences; those that wait run', async () => {
    const { context, loop } = setup(2);
    const probes = prompts(100, 200, 300);
    context.failDecode = new Error('out of cells');
    loop.submit(probes);
    await Promise.all(probes.slice(0, 2).map((probe) => probe.ended));
    expect(loop.lastFailure?.message).toContain('out of cells');
    await probes[2]?.ended;
    expect(probes.map((probe) => probe.error?.code)).toEqual(['provider_failed', 'provider_failed', undefined]);
    expect(probes[2]?.tokens).toEqual(counting(303, 5));
    expect(loop.lastFailure).toBeUndefined();
    expect(probes.map((probe) => probe.released)).toEqual([1, 1, 1]);
  });

  test('a consumer that throws ends its own sequence', async () => {
    const { loop } = setup(2);
    const [bad, good] = [new Probe([1, 2]), new Probe([5, 6])];
    bad.onToken = () => {
      throw new Error('consumer');
    };
    loop.submit([bad, good]);
    await Promise.all([bad.ended, good.ended]);
    expect(bad.error?.message).toContain('consumer');
    expect(good.tokens).toHaveLength(5);
  });

  test('disposal ends what runs and waits with shutting_down and frees the context once, after the step', async () => {
    const { context, loop } = setup(1);
    const probes = [new Probe([1, 2], 1000), new Probe([3, 4])];
    loop.submit(probes);
    for (let i = 0; i < 10; i++) await turn();
    let decoding = 0;
    context.onDecode = () => (decoding = context.disposed);
    await Promise.all([loop[Symbol.asyncDispose](), loop[Symbol.asyncDispose]()]);
    expect(decoding).toBe(0);
    expect(context.disposed).toBe(1);
    expect(probes.map(({ error, released }) => [error?.code, released])).toEqual([
      ['shutting_down', 1],
      ['shutting_down', 1],
    ]);
    expect(() => loop.submit(prompts(1))).toThrow(expect.objectContaining({ code: 'shutting_down' }) as Error);
  });
});
