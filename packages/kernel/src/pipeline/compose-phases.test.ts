import { GolekError, type InferenceEvent } from '@golek/api';
import {
  PHASES,
  type Handler,
  type InterceptorContribution,
  type Log,
  type PhaseContribution,
  type PhaseName,
} from '@golek/plugins-api';
import type { ModelSession } from '@golek/providers-spi';
import { describe, expect, it } from 'vitest';
import { createCall } from '../create-call.ts';
import { dispatcher, Engine, ExtensionPoint, ModelRegistry, routePhase } from '../index.ts';

interface LogLine {
  readonly level: string;
  readonly fields: object;
  readonly message: string;
}

const recordingLog = () => {
  const lines: LogLine[] = [];
  const at = (level: string) => (fields: object, message: string) => void lines.push({ level, fields, message });
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
};

const text = (value: string): InferenceEvent => ({ type: 'text', choice: 0, text: value });
const textsOf = async (events: AsyncIterable<InferenceEvent>): Promise<string[]> => {
  const texts: string[] = [];
  for await (const event of events) if (event.type === 'text') texts.push(event.text);
  return texts;
};
const newCall = (signal = new AbortController().signal) =>
  createCall({ request: { task: 'tokenize', model: 'm', text: 'x' }, signal });
const dispatchOf = (...values: string[]): Handler =>
  async function* dispatch() {
    for (const value of values) yield text(value);
  };

/** The contributions in an engine around a session that answers as `dispatch` does. */
const chainOf = (phases: readonly PhaseContribution[], dispatch: Handler, log: Log): Handler => {
  const models = new ModelRegistry();
  const manifest = { name: 'm', provider: 'p', source: 'm', tasks: ['tokenize' as const], created: 0 };
  models.register({ manifest, source: { name: 'm', location: 'm' } });
  const session: ModelSession = {
    manifest,
    capabilities: { tasks: manifest.tasks, options: [], parallel: 1 },
    run: (request, { signal }) => dispatch(createCall({ request, signal })),
    health: () => ({ status: 'ok' }),
    [Symbol.asyncDispose]: async () => undefined,
  };
  const engine = new Engine({
    dispatch: dispatcher({ models, sessions: { lease: async () => ({ session, release: () => undefined }) } }),
    phases: new ExtensionPoint('phases', [routePhase(models), ...phases]),
    log,
  });
  return (call) => engine.run(call);
};

/** An interceptor that notes when it is entered, when the first event passes, and when it is left. */
const tracing = (phase: PhaseName, trace: string[], name = phase, order = 0): InterceptorContribution => ({
  phase,
  name,
  order,
  intercept: (next) =>
    async function* traced(call) {
      trace.push(`>${name}`);
      try {
        yield* next(call);
      } finally {
        trace.push(`<${name}`);
      }
    },
});

describe('the phases of a request', () => {
  it('enters the phases before the dispatch in order and leaves those after it in order', async () => {
    const trace: string[] = [];
    const shuffled = [...PHASES].sort((a, b) => a.length - b.length);
    await textsOf(
      chainOf(
        shuffled.map((phase) => tracing(phase, trace)),
        dispatchOf('a'),
        recordingLog(),
      )(newCall()),
    );
    const before = ['PRE_VALIDATE', 'VALIDATE', 'AUTHORIZE', 'ROUTE', 'PRE_PROCESSING'];
    const after = ['POST_PROCESSING', 'AUDIT', 'OBSERVABILITY', 'CLEANUP'];
    expect(trace.filter((step) => before.includes(step.slice(1)) && step.startsWith('>'))).toEqual(
      before.map((phase) => `>${phase}`),
    );
    expect(trace.filter((step) => after.includes(step.slice(1)) && step.startsWith('<'))).toEqual(
      after.map((phase) => `<${phase}`),
    );
  });

  it('orders contributions of one phase by number, then by registration', async () => {
    const trace: string[] = [];
    const handler = chainOf(
      [tracing('VALIDATE', trace, 'VALIDATE', 5), { ...tracing('VALIDATE', trace), name: 'early', order: -1 }].map(
        (contribution, index) => ({
          ...contribution,
          name: `n${index}`,
          intercept:
            (next: Handler): Handler =>
            (call) => {
              trace.push(String(contribution.order));
              return next(call);
            },
        }),
      ),
      dispatchOf('a'),
      recordingLog(),
    );
    await textsOf(handler(newCall()));
    expect(trace).toEqual(['-1', '5']);
  });

  it('refuses two contributions of one name', () => {
    const twice = [tracing('VALIDATE', []), tracing('VALIDATE', [])];
    expect(() => chainOf(twice, dispatchOf(), recordingLog())).toThrow(/two phase contributions are named 'VALIDATE'/);
  });

  it('lets a phase answer itself: nothing behind it runs', async () => {
    let dispatched = false;
    const cache: PhaseContribution = { phase: 'PRE_PROCESSING', name: 'cache', intercept: () => dispatchOf('cached') };
    const handler = chainOf(
      [cache],
      async function* () {
        dispatched = true;
      },
      recordingLog(),
    );
    expect(await textsOf(handler(newCall()))).toEqual(['cached']);
    expect(dispatched).toBe(false);
  });

  it.each(['a later phase throws', 'the dispatch throws', 'the stream breaks', 'the consumer leaves', 'it completes'])(
    'releases what AUTHORIZE reserved when %s',
    async (how) => {
      let reserved = 0;
      const quota: PhaseContribution = {
        phase: 'AUTHORIZE',
        name: 'quota',
        intercept: (next) =>
          async function* reserve(call) {
            reserved += 1;
            try {
              yield* next(call);
            } finally {
              reserved -= 1;
            }
          },
      };
      const failing: PhaseContribution = {
        phase: 'PRE_PROCESSING',
        name: 'failing',
        intercept: (next) => (call) => {
          expect(reserved).toBe(1);
          if (how === 'a later phase throws') throw new GolekError('invalid_request', 'no');
          return next(call);
        },
      };
      const dispatch: Handler = async function* () {
        if (how === 'the dispatch throws') throw new GolekError('provider_failed', 'down');
        yield text('a');
        if (how === 'the stream breaks') throw new GolekError('provider_failed', 'cut');
        yield text('b');
      };
      const events = chainOf([quota, failing], dispatch, recordingLog())(newCall())[Symbol.asyncIterator]();
      if (how === 'the consumer leaves') {
        await events.next();
        await events.return?.();
      } else {
        for (let more = true; more;)
          more = await events.next().then(
            (result) => !result.done,
            () => false,
          );
      }
      expect(reserved).toBe(0);
    },
  );

  describe('a phase that is not critical', () => {
    const optional = (intercept: InterceptorContribution['intercept']): PhaseContribution => ({
      phase: 'PRE_PROCESSING',
      name: 'optional',
      critical: false,
      intercept,
    });

    it.each<[string, InterceptorContribution['intercept']]>([
      [
        'before it passes the call on',
        () => () => {
          throw new Error('broken');
        },
      ],
      [
        'in its first step',
        () =>
          async function* () {
            throw new Error('broken');
          },
      ],
      [
        'in the middle of the stream',
        (next) =>
          async function* (call) {
            let seen = 0;
            for await (const event of next(call)) {
              if (++seen === 2) throw new Error('broken');
              yield event;
            }
          },
      ],
      [
        'after the last event',
        (next) =>
          async function* (call) {
            yield* next(call);
            throw new Error('broken');
          },
      ],
      [
        'while it holds events back',
        (next) =>
          async function* (call) {
            const held: InferenceEvent[] = [];
            for await (const event of next(call)) {
              held.push(event);
              if (held.length === 2) throw new Error('broken');
            }
            yield* held;
          },
      ],
    ])('fails %s: it is logged and left out, no event is lost or repeated', async (_, intercept) => {
      const log = recordingLog();
      expect(await textsOf(chainOf([optional(intercept)], dispatchOf('a', 'b', 'c'), log)(newCall()))).toEqual([
        'a',
        'b',
        'c',
      ]);
      expect(log.lines).toMatchObject([{ level: 'error', fields: { phase: 'optional' } }]);
    });

    it('does not hide a failure of what follows', async () => {
      const log = recordingLog();
      const dispatch: Handler = async function* () {
        yield text('a');
        throw new GolekError('provider_failed', 'cut');
      };
      const handler = chainOf(
        [
          optional(
            (next) =>
              async function* (call) {
                yield* next(call);
              },
          ),
        ],
        dispatch,
        log,
      );
      await expect(textsOf(handler(newCall()))).rejects.toMatchObject({ code: 'provider_failed' });
      expect(log.lines).toEqual([]);
    });

    it('does not take for its own what a later phase throws before there is a stream', async () => {
      const log = recordingLog();
      let refused = 0;
      const refusing: PhaseContribution = {
        phase: 'VALIDATE',
        name: 'refusing',
        intercept: () => () => {
          refused += 1;
          throw new GolekError('invalid_request', 'no');
        },
      };
      const passing: PhaseContribution = {
        phase: 'OBSERVABILITY',
        name: 'passing',
        intercept: (next) =>
          async function* (call) {
            yield* next(call);
          },
      };
      const handler = chainOf([passing, refusing], dispatchOf('a'), log);
      await expect(textsOf(handler(newCall()))).rejects.toMatchObject({ code: 'invalid_request' });
      expect(refused).toBe(1);
      expect(log.lines).toEqual([]);
    });
  });

  it('ends the request when a critical phase fails', async () => {
    const broken: PhaseContribution = {
      phase: 'PRE_PROCESSING',
      name: 'broken',
      intercept: () => () => {
        throw new Error('broken');
      },
    };
    await expect(textsOf(chainOf([broken], dispatchOf('a'), recordingLog())(newCall()))).rejects.toThrow('broken');
  });

  describe('a retryable phase', () => {
    const failing = (times: number, code: 'overloaded' | 'invalid_request', where: 'before' | 'behind') => {
      let attempts = 0;
      const contribution: PhaseContribution = {
        phase: 'AUTHORIZE',
        name: 'store',
        intercept: (next) =>
          async function* (call) {
            attempts += 1;
            if (where === 'before' && attempts <= times) throw new GolekError(code, 'no');
            yield* next(call);
          },
      };
      return { contribution, attempts: () => attempts };
    };

    it('is tried once more after a retryable failure', async () => {
      const once = failing(1, 'overloaded', 'before');
      expect(await textsOf(chainOf([once.contribution], dispatchOf('a', 'b'), recordingLog())(newCall()))).toEqual([
        'a',
        'b',
      ]);
      expect(once.attempts()).toBe(2);
      const twice = failing(2, 'overloaded', 'before');
      await expect(
        textsOf(chainOf([twice.contribution], dispatchOf('a'), recordingLog())(newCall())),
      ).rejects.toMatchObject({ code: 'overloaded' });
      expect(twice.attempts()).toBe(2);
    });

    it('is tried once more where it fails before there is a stream', async () => {
      let attempts = 0;
      const store: PhaseContribution = {
        phase: 'AUTHORIZE',
        name: 'store',
        intercept: (next) => (call) => {
          attempts += 1;
          if (attempts === 1) throw new GolekError('overloaded', 'no');
          return next(call);
        },
      };
      expect(await textsOf(chainOf([store], dispatchOf('a'), recordingLog())(newCall()))).toEqual(['a']);
      expect(attempts).toBe(2);
    });

    it('is not tried again after a failure that a retry cannot mend, nor after the next phase was entered', async () => {
      const wrong = failing(1, 'invalid_request', 'before');
      await expect(
        textsOf(chainOf([wrong.contribution], dispatchOf('a'), recordingLog())(newCall())),
      ).rejects.toMatchObject({ code: 'invalid_request' });
      expect(wrong.attempts()).toBe(1);
      const entered = failing(0, 'overloaded', 'behind');
      const dispatch: Handler = async function* () {
        throw new GolekError('overloaded', 'full');
      };
      await expect(textsOf(chainOf([entered.contribution], dispatch, recordingLog())(newCall()))).rejects.toMatchObject(
        { code: 'overloaded' },
      );
      expect(entered.attempts()).toBe(1);
    });
  });

  describe('observers', () => {
    const observing = (seen: string[], name = 'watch'): PhaseContribution => ({
      phase: 'OBSERVABILITY',
      name,
      observe: () => ({
        event: (event) => void seen.push(event.type),
        end: (outcome) => void seen.push(outcome.status === 'failed' ? outcome.error.code : outcome.status),
      }),
    });

    it('see every event and the end, also of a request that an early phase refused', async () => {
      const seen: string[] = [];
      const refuse: PhaseContribution = {
        phase: 'PRE_VALIDATE',
        name: 'refuse',
        intercept: () => () => {
          throw new GolekError('permission_denied', 'no');
        },
      };
      await textsOf(chainOf([observing(seen)], dispatchOf('a', 'b'), recordingLog())(newCall()));
      await textsOf(chainOf([observing(seen), refuse], dispatchOf('a'), recordingLog())(newCall())).catch(
        () => undefined,
      );
      const abandoned = chainOf(
        [observing(seen)],
        dispatchOf('a', 'b'),
        recordingLog(),
      )(newCall())[Symbol.asyncIterator]();
      await abandoned.next();
      await abandoned.return?.();
      expect(seen).toEqual(['start', 'text', 'text', 'completed', 'permission_denied', 'start', 'abandoned']);
    });

    it('that throw are logged and harm neither the request nor each other', async () => {
      const seen: string[] = [];
      const log = recordingLog();
      const broken: PhaseContribution = {
        phase: 'AUDIT',
        name: 'broken',
        observe: () => ({
          event: () => {
            throw new Error('e');
          },
          end: () => {
            throw new Error('f');
          },
        }),
      };
      const unborn: PhaseContribution = {
        phase: 'AUDIT',
        name: 'unborn',
        observe: () => {
          throw new Error('g');
        },
      };
      expect(await textsOf(chainOf([unborn, broken, observing(seen)], dispatchOf('a'), log)(newCall()))).toEqual(['a']);
      expect(seen).toEqual(['start', 'text', 'completed']);
      expect(log.lines.map(({ fields }) => (fields as { phase: string }).phase)).toEqual([
        'unborn',
        'broken',
        'broken',
        'broken',
      ]);
    });
  });
});
