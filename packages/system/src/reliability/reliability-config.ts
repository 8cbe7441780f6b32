import { DEFAULT_TARGET_POLICY } from '@golek/kernel';
import { configSection } from '../configuration/config-section.ts';
import { z } from 'zod';

const DAY_MS = 86_400_000;
const MAX_TARGETS = 1_000;

const limitMs = z.int().min(0).max(DAY_MS);
const waitMs = z.int().min(1).max(DAY_MS);
const count = z.int().min(1).max(100_000);

const { retry, breaker, bulkhead, hedge } = DEFAULT_TARGET_POLICY;

/** What may be set for one target; the section sets the same for all, with defaults. */
const TIMEOUTS = { firstTokenMs: limitMs, betweenTokensMs: limitMs, wholeMs: limitMs, totalMs: limitMs };
const RETRY = {
  attempts: z.int().min(1).max(20),
  jitter: z.enum(['decorrelated', 'full']),
  minDelayMs: z.int().min(1).max(60_000),
  maxDelayMs: z.int().min(1).max(600_000),
  maxRetryAfterMs: z.int().min(0).max(600_000),
  budgetRatio: z.number().min(0).max(10),
  budgetPerSecond: z.number().min(0).max(10_000),
};
const BREAKER = {
  mode: z.enum(['consecutive', 'sampling', 'off']),
  failures: z.int().min(1).max(10_000),
  rate: z.number().gt(0).max(1),
  windowMs: z.int().min(1_000).max(3_600_000),
  minimumCalls: z.int().min(1).max(100_000),
  openMs: waitMs,
  maxOpenMs: waitMs,
};
const BULKHEAD = {
  maxConcurrent: count,
  maxConcurrentPerTenant: count,
  maxQueue: z.int().min(0).max(10_000),
  maxQueuePerTenant: count,
  queueTimeoutMs: waitMs,
};
const HEDGE = { afterMs: waitMs, generate: z.boolean() };

const some = <Shape extends z.ZodRawShape>(shape: Shape) => z.strictObject(shape).partial().optional();

const Target = z
  .strictObject({
    model: z.string().min(1).max(128).optional().describe('The model that this is for.'),
    provider: z.string().min(1).max(128).optional().describe('Without `model`: all models of this provider.'),
    timeouts: some(TIMEOUTS),
    retry: some(RETRY),
    breaker: some(BREAKER),
    bulkhead: some(BULKHEAD),
    hedge: some(HEDGE),
  })
  .refine(({ model, provider }) => model !== undefined || provider !== undefined, 'name a `model` or a `provider`');

const live = { live: true } as const;
/** Tenants have limits of their own; a request may set shorter ones. */
const perRequest = { live: true, overridable: ['tenant', 'request'] };

export const reliabilityConfig = configSection(
  'reliability',
  z
    .strictObject({
      timeouts: z
        .strictObject({
          firstTokenMs: TIMEOUTS.firstTokenMs
            .optional()
            .describe(
              'Longest time of one attempt until its first token, once the model is loaded, milliseconds; 0: no limit. Default: 120,000 for remote models, none for others. A request may shorten it.',
            )
            .meta(perRequest),
          betweenTokensMs: TIMEOUTS.betweenTokensMs
            .optional()
            .describe(
              'Longest silence within an answer, milliseconds; 0: no limit. Default: 60,000 for remote models, none for others.',
            )
            .meta(live),
          wholeMs: TIMEOUTS.wholeMs
            .optional()
            .describe(
              'Longest wait for the answer to a request that is not streamed, where the remote model is asked for it in one piece: no other limit on tokens holds then, milliseconds; 0: such answers are streamed from the model as well. Default: 600,000 for remote models, but 0 where one of the two limits above is set.',
            )
            .meta(live),
          totalMs: TIMEOUTS.totalMs
            .optional()
            .describe(
              'Longest time that a request may spend on one target, with waiting, every try and the whole answer, milliseconds; 0 or absent: no limit. A request may shorten it.',
            )
            .meta(perRequest),
        })
        .prefault({})
        .describe('Time limits of requests on a target.'),
      retry: z
        .strictObject({
          attempts: RETRY.attempts
            .default(retry.attempts)
            .describe('Tries on one target in all, before the first token; 1: no retry.')
            .meta(live),
          jitter: RETRY.jitter.default(retry.jitter).describe('How the pauses between tries are spread.').meta(live),
          minDelayMs: RETRY.minDelayMs
            .default(retry.minDelayMs)
            .describe('Measure of the first pause, milliseconds; each further one is about twice as long.')
            .meta(live),
          maxDelayMs: RETRY.maxDelayMs
            .default(retry.maxDelayMs)
            .describe('Longest pause that Golek chooses, milliseconds.')
            .meta(live),
          maxRetryAfterMs: RETRY.maxRetryAfterMs
            .default(retry.maxRetryAfterMs)
            .describe(
              'Longest pause that a target may ask for (Retry-After), milliseconds; for a longer one the request fails or goes on.',
            )
            .meta(live),
          budgetRatio: RETRY.budgetRatio
            .default(retry.budgetRatio)
            .describe('Retries allowed for each request to a target, counted over ten seconds …')
            .meta(live),
          budgetPerSecond: RETRY.budgetPerSecond
            .default(retry.budgetPerSecond)
            .describe('… beside this many in each second.')
            .meta(live),
        })
        .prefault({})
        .describe('Trying again.'),
      breaker: z
        .strictObject({
          mode: BREAKER.mode
            .default(breaker.mode)
            .describe('What opens a breaker: `failures` in a row, a `rate` of failures in a time, or nothing.')
            .meta(live),
          failures: BREAKER.failures
            .default(breaker.failures)
            .describe('`consecutive`: failures in a row that open it.')
            .meta(live),
          rate: BREAKER.rate
            .default(breaker.rate)
            .describe('`sampling`: part of the calls that must fail, 0 to 1.')
            .meta(live),
          windowMs: BREAKER.windowMs
            .default(breaker.windowMs)
            .describe('`sampling`: time over which calls are counted, milliseconds.')
            .meta(live),
          minimumCalls: BREAKER.minimumCalls
            .default(breaker.minimumCalls)
            .describe('`sampling`: calls in that time before it may open.')
            .meta(live),
          openMs: BREAKER.openMs
            .default(breaker.openMs)
            .describe('Time until the first probe, milliseconds; doubles with each probe that fails.')
            .meta(live),
          maxOpenMs: BREAKER.maxOpenMs
            .default(breaker.maxOpenMs)
            .describe('Longest time between probes, milliseconds.')
            .meta(live),
        })
        .prefault({})
        .describe('Sparing a target that fails.'),
      bulkhead: z
        .strictObject({
          maxConcurrent: BULKHEAD.maxConcurrent
            .optional()
            .describe('Requests on one target at once; more wait. Default: no bound beside that of the engine.')
            .meta(live),
          maxConcurrentPerTenant: BULKHEAD.maxConcurrentPerTenant
            .optional()
            .describe('Requests of one tenant on one target at once. Default: no bound.')
            .meta(live),
          maxQueue: BULKHEAD.maxQueue
            .default(bulkhead.maxQueue)
            .describe('Requests that may wait for a place on one target; more are refused.')
            .meta(live),
          maxQueuePerTenant: BULKHEAD.maxQueuePerTenant
            .optional()
            .describe('Requests of one tenant that may wait. Default: all places of the queue.')
            .meta(live),
          queueTimeoutMs: BULKHEAD.queueTimeoutMs
            .default(bulkhead.queueTimeoutMs ?? DAY_MS)
            .describe('Longest wait for a place, milliseconds.')
            .meta(live),
        })
        .prefault({})
        .describe('Bounds on what a target does at once.'),
      hedge: z
        .strictObject({
          afterMs: HEDGE.afterMs
            .optional()
            .describe(
              'A request that can be repeated without harm (embeddings, ranking, classification, tokens, tensors) gets a second attempt when the first has given nothing for so long, milliseconds. Default: none.',
            )
            .meta(live),
          generate: HEDGE.generate
            .default(hedge.generate)
            .describe('Hedge chat and text completions too: the same prompt is then paid for twice.')
            .meta(live),
        })
        .prefault({})
        .describe('Two attempts where one is slow.'),
      targets: z
        .array(Target)
        .max(MAX_TARGETS)
        .default([])
        .describe('What differs for one model, or for all models of a provider: any of the parts above.')
        .meta(live),
    })
    .describe('How requests to a target are protected: docs/guide/reliability.md.'),
);
