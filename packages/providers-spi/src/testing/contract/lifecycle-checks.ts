import assert from 'node:assert/strict';
import { GolekError, REQUEST_OPTIONS, usedOptions } from '../../index.ts';
import { endsWith, eventually, fails, pull, start, staysUsable } from './check-tools.ts';
import { requestOfTask, requestUsing } from './option-requests.ts';
import type { CheckBench, ProviderCheck } from './provider-check.ts';

const nothingOpen = async (bench: CheckBench): Promise<void> => {
  const { openSessions } = bench.setup.probes ?? {};
  if (openSessions) await eventually(bench, async () => (await openSessions()) === 0);
};

export const LIFECYCLE_CHECKS: readonly ProviderCheck[] = [
  {
    name: 'ends runs in progress with shutting_down when the model is closed, also twice',
    async run(bench) {
      const session = await bench.openModel();
      const events = start(bench, session, bench.setup.longRequest());
      await pull(events, 1);
      await Promise.all([session[Symbol.asyncDispose](), session[Symbol.asyncDispose]()]);
      await endsWith(events, 'shutting_down', bench.setup.window ?? 64, 'a run of a model that was closed');
      await session[Symbol.asyncDispose]();
      await endsWith(
        start(bench, session, bench.setup.request(0)),
        'shutting_down',
        0,
        'a run after the model was closed',
      );
      await nothingOpen(bench);
      return undefined;
    },
  },
  {
    name: 'closes its models when the provider is closed, also twice',
    async run(bench) {
      const session = await bench.openModel();
      const events = start(bench, session, bench.setup.longRequest());
      await pull(events, 1);
      await Promise.all([bench.provider[Symbol.asyncDispose](), bench.provider[Symbol.asyncDispose]()]);
      await endsWith(events, 'shutting_down', bench.setup.window ?? 64, 'a run of a provider that was closed');
      await fails(() => bench.openModel(), 'shutting_down', 'open after the provider was closed');
      await nothingOpen(bench);
      return undefined;
    },
  },
  {
    name: 'opens a model again after it was closed',
    async run(bench) {
      const first = await bench.openModel();
      await first[Symbol.asyncDispose]();
      await staysUsable(bench, await bench.openModel());
      return undefined;
    },
  },
  {
    name: 'takes no more memory than it is allowed to',
    async run(bench) {
      const { provider, signal, setup } = bench;
      const first = await bench.openModel();
      const { memoryBytes } = first.capabilities;
      await first[Symbol.asyncDispose]();
      if (memoryBytes === undefined) return { skipped: 'it does not tell what its models take' };
      const little = { signal, memoryLimitBytes: memoryBytes - 1 };
      await fails(() => provider.open(setup.source, little), 'insufficient_memory', 'open with too little memory');
      const second = await provider.open(setup.source, { signal, memoryLimitBytes: memoryBytes });
      await staysUsable(bench, second);
      await second[Symbol.asyncDispose]();
      return undefined;
    },
  },
  {
    name: 'says model_not_found where nothing is',
    async run(bench) {
      const { provider, signal } = bench;
      const { missing } = bench.setup;
      await fails(() => provider.inspect(missing, { signal }), 'model_not_found', 'inspect of a missing model');
      await fails(() => provider.open(missing, { signal }), 'model_not_found', 'open of a missing model');
      return undefined;
    },
  },
  {
    name: 'opens nothing when the load is aborted',
    async run(bench) {
      const { provider } = bench;
      const { source } = bench.setup;
      const aborted = AbortSignal.abort();
      await fails(() => provider.open(source, { signal: aborted }), 'cancelled', 'open with an aborted signal');
      await fails(() => provider.inspect(source, { signal: aborted }), 'cancelled', 'inspect with an aborted signal');
      const client = new AbortController();
      const opening = provider.open(source, { signal: client.signal });
      queueMicrotask(() => client.abort());
      // A load that was done before it could see the abort is a success, and then it is the caller's to close.
      const outcome = await opening.catch((error: unknown) => error);
      if (outcome instanceof GolekError)
        assert.equal(outcome.code, 'cancelled', `open that was aborted: ${outcome.message}`);
      else if (outcome instanceof Error) throw outcome;
      else await (outcome as AsyncDisposable)[Symbol.asyncDispose]();
      await nothingOpen(bench);
      await staysUsable(bench, await bench.openModel());
      return undefined;
    },
  },
  {
    name: 'tells the progress of a load as a fraction that does not fall',
    async run(bench) {
      const seen: number[] = [];
      const { provider, signal } = bench;
      const { source } = bench.setup;
      await provider.open(source, { signal, onProgress: (fraction) => seen.push(fraction) });
      assert.deepEqual(
        seen,
        [...seen].sort((a, b) => a - b),
        'progress fell',
      );
      assert(
        seen.every((fraction) => fraction >= 0 && fraction <= 1),
        `a fraction outside 0 to 1: ${seen.join(', ')}`,
      );
      return undefined;
    },
  },
  {
    name: 'refuses an option that the model does not support by its name',
    async run(bench) {
      const session = await bench.openModel();
      const { options, tasks } = session.capabilities;
      const found = REQUEST_OPTIONS.flatMap((option) => {
        const request = requestUsing(option, bench.setup.source.name, options);
        const refused = usedOptions(request).filter((used) => !options.includes(used));
        return tasks.includes(request.task) && refused.length === 1 && refused[0] === option
          ? [{ option, request }]
          : [];
      });
      const cases = bench.setup.unsupported ? [bench.setup.unsupported, ...found] : found;
      if (cases.length === 0) return { skipped: 'the model supports every option of its tasks' };
      for (const { option, request } of cases) {
        const events = start(bench, session, request);
        const error = await fails(() => events.next(), 'unsupported', `a request with '${option}'`);
        assert.equal(error.details?.['option'], option, 'details.option names the refused option');
      }
      await staysUsable(bench, session);
      return undefined;
    },
  },
  {
    name: 'refuses a task that the model does not do by its name',
    async run(bench) {
      const session = await bench.openModel();
      const request = requestOfTask((task) => !session.capabilities.tasks.includes(task), bench.setup.source.name);
      if (!request) return { skipped: 'the model does every task' };
      const events = start(bench, session, request);
      const error = await fails(() => events.next(), 'unsupported', `a request of the task '${request.task}'`);
      assert.equal(error.details?.['task'], request.task, 'details.task names the refused task');
      return undefined;
    },
  },
  {
    name: 'is healthy with a model open',
    async run(bench) {
      const session = await bench.openModel();
      const { load, ...health } = session.health();
      assert.deepEqual(health, { status: 'ok' }, 'health of the model');
      if (load) {
        assert.deepEqual([load.running, load.waiting], [0, 0], 'load of a model that does nothing');
        const { kvCache = 0 } = load;
        assert.ok(kvCache >= 0 && kvCache <= 1, `kvCache is ${kvCache}; it is a part of 1`);
      }
      assert.deepEqual(await bench.provider.health(), { status: 'ok' }, 'health of the provider');
      return undefined;
    },
  },
];
