import { describe, expect, it } from 'vitest';
import { alteredProvider, type Alterations } from '../../fixtures/altered-provider.ts';
import { CONTRACT_MODEL, CONTRACT_REQUESTS } from '../../fixtures/contract-model.ts';
import { GolekError, REQUEST_OPTIONS, type InferenceEvent } from '../../index.ts';
import { FakeProvider } from '../fake-provider.ts';
import type { ProviderContractSetup } from './contract-setup.ts';
import { PROVIDER_CHECKS, providerContract } from './provider-contract.ts';
import { runProviderCheck } from './provider-check.ts';

const setupOf = (model = CONTRACT_MODEL, alter?: Alterations): ProviderContractSetup => {
  let fake: FakeProvider;
  return {
    ...CONTRACT_REQUESTS,
    create: () => {
      fake = new FakeProvider({ models: { contract: model } });
      return alter ? alteredProvider(fake, alter) : fake;
    },
    probes: {
      activeRuns: () => fake.stats.active,
      producedEvents: () => fake.stats.pulled,
      openSessions: () => fake.stats.openSessions,
    },
    window: 0,
  };
};

await providerContract('fakeProvider', setupOf());
await providerContract('fakeProvider with one slot', setupOf({ ...CONTRACT_MODEL, parallel: 1 }));
await providerContract('fakeProvider with timers', setupOf({ ...CONTRACT_MODEL, delayMs: 1 }));

const changed = (change: (event: InferenceEvent, position: number) => InferenceEvent[]): Alterations => ({
  run: (run) =>
    async function* (request, context) {
      let position = 0;
      for await (const event of run(request, context)) yield* change(event, position++);
    },
});
const never = new AbortController().signal;

const USAGE: InferenceEvent = { type: 'usage', usage: { promptTokens: 1, completionTokens: 1 } };

let runs = 0;
let poisoned = false;

/** Ways to break the contract, and the check that has to notice each. */
const BREAKS: readonly (readonly [what: string, check: string, Alterations])[] = [
  ['no usage', 'gives deltas', changed((event) => (event.type === 'usage' ? [] : [event]))],
  ['no finish', 'gives deltas', changed((event) => (event.type === 'finish' ? [] : [event]))],
  [
    'usage before the finish',
    'gives deltas',
    changed((e) => (e.type === 'finish' ? [USAGE, e] : e.type === 'usage' ? [] : [e])),
  ],
  ['two finishes', 'gives deltas', changed((event) => (event.type === 'finish' ? [event, event] : [event]))],
  ['an event after the usage', 'gives deltas', changed((event) => (event.type === 'usage' ? [event, event] : [event]))],
  ['a start event', 'gives deltas', changed((e, at) => (at ? [e] : [{ type: 'start', model: 'm', provider: 'p' }, e]))],
  [
    'another answer each time',
    'gives the same answer',
    changed((event) => (event.type === 'text' ? [{ ...event, text: `${event.text}${++runs}` }] : [event])),
  ],
  ['a manifest with another name', 'has tasks', { session: (s) => ({ manifest: { ...s.manifest, name: 'x' } }) }],
  [
    'a task that is not in the manifest',
    'has tasks',
    { session: (s) => ({ capabilities: { ...s.capabilities, tasks: ['rerank'] } }) },
  ],
  [
    'text of other runs when there are several',
    'answers calls at the same time',
    {
      run: (run) => {
        let active = 0;
        return async function* (request, context) {
          active++;
          try {
            for await (const event of run(request, context)) {
              yield event.type === 'text' && active > 3 ? { ...event, text: 'mixed' } : event;
            }
          } finally {
            active--;
          }
        };
      },
    },
  ],
  [
    'everything produced at once',
    'produces no more',
    {
      run: (run) =>
        async function* (request, context) {
          const all: InferenceEvent[] = [];
          for await (const event of run(request, context)) all.push(event);
          yield* all;
        },
    },
  ],
  [
    'a signal that is ignored',
    'ends an aborted run',
    { run: (run) => (request, context) => run(request, { ...context, signal: never }) },
  ],
  [
    'a signal that is ignored while it waits',
    'ends a run that is aborted while',
    { run: (run) => (request, context) => run(request, { ...context, signal: never }) },
  ],
  [
    'work for an aborted signal',
    'does no work',
    {
      run: (run) =>
        async function* (request, context) {
          for await (const event of run(request, { ...context, signal: never })) {
            if (context.signal.aborted) throw new GolekError('cancelled', 'too late');
            yield event;
          }
        },
    },
  ],
  [
    'an early end that does not reach the engine',
    'is free again',
    {
      run: (run) =>
        async function* (request, context) {
          const events = run(request, context)[Symbol.asyncIterator]();
          for (let step = await events.next(); !step.done; step = await events.next()) yield step.value;
        },
    },
  ],
  [
    'an abort that ends every run',
    'lets the other runs go on',
    {
      run: (run) => {
        const shared = new AbortController();
        return (request, context) => {
          context.signal.addEventListener('abort', () => shared.abort());
          return run(request, { ...context, signal: AbortSignal.any([shared.signal, context.signal]) });
        };
      },
    },
  ],
  [
    'a plain Error',
    'throws a failure',
    {
      run: (run) =>
        async function* (request, context) {
          try {
            yield* run(request, context);
          } catch {
            throw new Error('not a GolekError');
          }
        },
    },
  ],
  [
    'a session that is poisoned by a failure',
    'throws a failure',
    {
      run: (run) =>
        async function* (request, context) {
          if (poisoned) throw new GolekError('provider_failed', 'poisoned');
          try {
            yield* run(request, context);
          } catch (error) {
            poisoned = true;
            throw error;
          }
        },
    },
  ],
  ['a disposal that does nothing', 'ends runs in progress', { disposeSession: () => Promise.resolve() }],
  [
    'a disposal that fails the second time',
    'ends runs in progress',
    {
      disposeSession: async (dispose) => {
        if (runs++ > 0) throw new Error('disposed already');
        await dispose();
      },
    },
  ],
  [
    'another code for a missing model',
    'says model_not_found',
    {
      open: (open) => (source, options) =>
        open(source, options).catch(() => Promise.reject(new GolekError('model_load_failed', 'missing'))),
    },
  ],
  ['a load that ignores the signal', 'opens nothing', { open: (open) => (source) => open(source, { signal: never }) }],
  [
    'progress that falls',
    'tells the progress',
    { open: (open) => (source, options) => (options.onProgress?.(1), open(source, options)) },
  ],
  [
    'an option that is ignored',
    'refuses an option',
    { session: (s) => ({ capabilities: { ...s.capabilities, options: ['input.chat'] } }) },
  ],
  [
    'an option that is refused without its name',
    'refuses an option',
    {
      run: (run) =>
        async function* (request, context) {
          try {
            yield* run(request, context);
          } catch (error) {
            throw new GolekError(GolekError.from(error).code, 'no details');
          }
        },
    },
  ],
  [
    'a task that is done although it is not listed',
    'refuses a task',
    { session: (s) => ({ capabilities: { ...s.capabilities, tasks: ['embed'] } }) },
  ],
  ['bad health', 'is healthy', { session: () => ({ health: () => ({ status: 'down', reason: 'tired' }) }) }],
];

const checkNamed = (start: string) => {
  const check = PROVIDER_CHECKS.find(({ name }) => name.startsWith(start));
  if (!check) throw new Error(`no check '${start}'`);
  return check;
};

describe('the contract notices', () => {
  it.each(BREAKS)('%s', async (_, start, alter) => {
    runs = 0;
    poisoned = false;
    const setup = { ...setupOf(CONTRACT_MODEL, alter), timeoutMs: 1_000 };
    await expect(runProviderCheck(checkNamed(start), setup)).rejects.toThrow();
  });

  it('a provider that stays open after it was closed', async () => {
    const open = new FakeProvider({ models: { contract: CONTRACT_MODEL } });
    const deaf = { ...alteredProvider(open, {}), [Symbol.asyncDispose]: () => Promise.resolve() };
    const setup = { ...CONTRACT_REQUESTS, create: () => deaf };
    await expect(runProviderCheck(checkNamed('closes its models'), setup)).rejects.toThrow('events came after it');
  });

  it('a model that cannot be opened twice', async () => {
    let opened = 0;
    const once: Alterations = {
      open: (open) => (source, options) =>
        opened++ ? Promise.reject(new GolekError('model_load_failed', 'once only')) : open(source, options),
    };
    await expect(runProviderCheck(checkNamed('opens a model again'), setupOf(CONTRACT_MODEL, once))).rejects.toThrow();
  });

  it('a provider that takes more memory than it is allowed to', async () => {
    const greedy: Alterations = {
      open: (open) => (source, options) => open(source, { ...options, memoryLimitBytes: undefined }),
    };
    const check = checkNamed('takes no more memory');
    await expect(runProviderCheck(check, setupOf(CONTRACT_MODEL, greedy))).rejects.toThrow('too little memory');
    const silent = setupOf({ ...CONTRACT_MODEL, memoryBytes: undefined });
    expect(await runProviderCheck(check, silent)).toHaveProperty('skipped');
  });

  it('a check that hangs, by its name', async () => {
    const hang: Alterations = { open: () => () => new Promise(() => undefined) };
    const setup = { ...setupOf(CONTRACT_MODEL, hang), timeoutMs: 50 };
    await expect(runProviderCheck(checkNamed('is healthy'), setup)).rejects.toThrow('did not end within 50 ms');
  });

  it('what each check is for', () => {
    const tried = [
      ...BREAKS.map(([, start]) => start),
      'closes its models',
      'opens a model again',
      'takes no more memory',
    ];
    const untried = PROVIDER_CHECKS.filter(({ name }) => !tried.some((start) => name.startsWith(start)));
    expect(untried.map(({ name }) => name)).toEqual([]);
  });
});

describe('the contract skips', () => {
  it('what it cannot see without a probe, a failing request, or a refused option', async () => {
    const model = { ...CONTRACT_MODEL, options: REQUEST_OPTIONS, tasks: ['generate', 'embed', 'tokenize'] as const };
    const { failing: _, probes: __, ...bare } = setupOf(model);
    for (const start of ['produces no more', 'throws a failure', 'refuses an option']) {
      expect(await runProviderCheck(checkNamed(start), bare)).toHaveProperty('skipped');
    }
  });
});
