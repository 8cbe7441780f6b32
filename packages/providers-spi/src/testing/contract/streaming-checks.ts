import assert from 'node:assert/strict';
import type { InferenceEvent, InferenceRequest } from '../../index.ts';
import { answer, essence, pull, start } from './check-tools.ts';
import type { ProviderCheck } from './provider-check.ts';

const read = async (events: AsyncIterator<InferenceEvent>): Promise<InferenceEvent[]> => {
  const all: InferenceEvent[] = [];
  for (let step = await events.next(); !step.done; step = await events.next()) all.push(step.value);
  return all;
};

const checkGenerated = (request: InferenceRequest, events: readonly InferenceEvent[]): void => {
  if (request.task !== 'generate') return;
  const finished = new Set<number>();
  const begun = new Set<number>();
  for (const event of events) {
    if (!('choice' in event)) continue;
    assert(!finished.has(event.choice), `choice ${event.choice} has a '${event.type}' event after its finish`);
    if (event.type === 'finish') finished.add(event.choice);
    else begun.add(event.choice);
  }
  const choices = Array.from({ length: request.choices ?? 1 }, (_, choice) => choice);
  assert.deepEqual([...finished].sort(), choices, 'each choice has one finish');
  assert(begun.size > 0, 'an answer has deltas');
};

export const STREAMING_CHECKS: readonly ProviderCheck[] = [
  {
    name: 'gives deltas, one finish for each choice, then the usage and nothing after it',
    async run(bench) {
      const session = await bench.openModel();
      const request = bench.setup.request(0);
      const events = await read(start(bench, session, request));
      const types = events.map((event) => event.type);
      assert(events.length >= 2, `an answer of at least two events was expected, not ${events.length}`);
      assert(!types.includes('start'), 'the start event is the kernel’s');
      assert(!types.includes('error'), 'a failure is thrown, not given as an event');
      checkGenerated(request, events);
      const usages = types.filter((type) => type === 'usage').length;
      if (request.task === 'generate' || request.task === 'embed') assert.equal(usages, 1, 'one usage event');
      assert(usages <= 1, 'at most one usage event');
      if (usages === 1) assert.equal(types.at(-1), 'usage', 'the usage is the last event');
      return undefined;
    },
  },
  {
    name: 'gives the same answer streamed and collected',
    async run(bench) {
      const session = await bench.openModel();
      const request = bench.setup.request(0);
      const collected = await answer(bench, session, request);
      const events = await read(start(bench, session, request));
      for (const [index, choice] of collected.choices.entries()) {
        const text = events
          .map((event) => (event.type === 'text' && event.choice === index ? event.text : ''))
          .join('');
        assert.equal(text, choice.text, `text of choice ${index}`);
      }
      assert.deepEqual(essence(await answer(bench, session, request)), essence(collected), 'the same request again');
      return undefined;
    },
  },
  {
    name: 'has tasks that its provider names, and the manifest that inspect gives',
    async run(bench) {
      const session = await bench.openModel();
      const { manifest, capabilities } = session;
      const inspected = await bench.provider.inspect(bench.setup.source, { signal: bench.signal });
      assert.equal(manifest.name, bench.setup.source.name, 'the manifest has the name of the source');
      assert.equal(manifest.provider, bench.provider.id, 'the manifest names the provider');
      assert.deepEqual(inspected, manifest, 'inspect and open agree');
      for (const task of capabilities.tasks) {
        assert(manifest.tasks.includes(task), `the session does '${task}', its manifest does not`);
        assert(bench.provider.capabilities.tasks.includes(task), `the session does '${task}', its provider does not`);
      }
      return undefined;
    },
  },
  {
    name: 'answers calls at the same time without mixing them',
    async run(bench) {
      const session = await bench.openModel();
      const requests = [0, 1, 2, 3].map((variant) => bench.setup.request(variant));
      const alone: object[] = [];
      for (const request of requests) alone.push(essence(await answer(bench, session, request)));
      const twice = [...requests, ...requests];
      const together = await Promise.all(twice.map((request) => answer(bench, session, request)));
      for (const [index, result] of together.entries()) {
        assert.deepEqual(essence(result), alone[index % alone.length], `answer ${index} of 8 at the same time`);
      }
      return undefined;
    },
  },
  {
    name: 'produces no more than a fixed window ahead of the consumer',
    async run(bench) {
      const { probes, window = 64 } = bench.setup;
      if (!probes?.producedEvents) return { skipped: 'the setup has no probe producedEvents' };
      const session = await bench.openModel();
      const before = await probes.producedEvents();
      const stalled = start(bench, session, bench.setup.longRequest());
      await pull(stalled, 1);
      // Whole answers beside the stalled one give a producer without a limit the time to run away.
      let others = 0;
      for (const variant of [0, 1, 2]) {
        if (session.capabilities.parallel < 2) break;
        others += (await read(start(bench, session, bench.setup.request(variant)))).length;
      }
      const ahead = (await probes.producedEvents()) - before - others - 1;
      assert(
        ahead <= window,
        `${ahead} events were produced ahead of a consumer that had stopped; the window is ${window}`,
      );
      await pull(stalled, 100);
      await stalled.return?.();
      return undefined;
    },
  },
];
