import assert from 'node:assert/strict';
import { answer, endsWith, essence, fails, pull, start, staysUsable } from './check-tools.ts';
import type { ProviderCheck } from './provider-check.ts';

/** An engine step may have given its events before it could see the abort. */
const LATE = 2;

export const INTERRUPTION_CHECKS: readonly ProviderCheck[] = [
  {
    name: 'ends an aborted run with cancelled within one step and is usable afterwards',
    async run(bench) {
      const session = await bench.openModel();
      const client = new AbortController();
      const events = start(bench, session, bench.setup.longRequest(), client.signal);
      await pull(events, 2);
      client.abort();
      await endsWith(events, 'cancelled', LATE, 'an abort between two events');
      await staysUsable(bench, session);
      return undefined;
    },
  },
  {
    name: 'ends a run that is aborted while the consumer waits for an event',
    async run(bench) {
      const session = await bench.openModel();
      const client = new AbortController();
      const events = start(bench, session, bench.setup.longRequest(), client.signal);
      await pull(events, 1);
      const waiting = events.next();
      client.abort();
      const what = 'an abort while an event is awaited';
      const given = await waiting.then(
        () => true,
        () => false,
      );
      if (given) await endsWith(events, 'cancelled', LATE, what);
      else await fails(() => waiting, 'cancelled', what);
      await staysUsable(bench, session);
      return undefined;
    },
  },
  {
    name: 'does no work for a signal that is aborted already',
    async run(bench) {
      const session = await bench.openModel();
      const before = await bench.setup.probes?.producedEvents?.();
      const events = start(bench, session, bench.setup.longRequest(), AbortSignal.abort());
      await endsWith(events, 'cancelled', 0, 'a run with an aborted signal');
      assert.equal(await bench.setup.probes?.producedEvents?.(), before, 'events were produced');
      await staysUsable(bench, session);
      return undefined;
    },
  },
  {
    name: 'is free again when consumers stop reading early',
    async run(bench) {
      const session = await bench.openModel();
      const count = Math.min(session.capabilities.parallel, 8) + 1;
      for (let round = 0; round < count; round++) {
        const events = start(bench, session, bench.setup.longRequest());
        await pull(events, 1);
        await events.return?.();
        assert.equal((await events.next()).done, true, 'a run that was left has ended');
      }
      await staysUsable(bench, session);
      return undefined;
    },
  },
  {
    name: 'lets the other runs go on when one is aborted',
    async run(bench) {
      const session = await bench.openModel();
      const request = bench.setup.request(1);
      const expected = essence(await answer(bench, session, request));
      const client = new AbortController();
      const aborted = start(bench, session, bench.setup.longRequest(), client.signal);
      await pull(aborted, 1);
      const others = [answer(bench, session, request), answer(bench, session, request)];
      client.abort();
      await endsWith(aborted, 'cancelled', LATE, 'an abort beside other runs');
      for (const other of await Promise.all(others)) assert.deepEqual(essence(other), expected, 'another run');
      return undefined;
    },
  },
  {
    name: 'throws a failure in the middle of a stream as a GolekError and is not poisoned by it',
    async run(bench) {
      if (!bench.setup.failing) return { skipped: 'the setup has no failing request' };
      const { request, code } = bench.setup.failing;
      const session = await bench.openModel();
      const events = start(bench, session, request);
      await pull(events, 1);
      await endsWith(events, code, Infinity, 'a failure in the middle of a stream');
      assert.equal((await events.next()).done, true, 'a run that failed has ended');
      await staysUsable(bench, session);
      return undefined;
    },
  },
];
