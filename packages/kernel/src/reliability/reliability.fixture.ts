import type { InferenceRequest } from '@golek/api';
import type { InterceptorContribution, RoutingTarget } from '@golek/plugins-api';
import type { FakeModel } from '@golek/providers-spi/testing';
import { DEFAULT_TARGET_POLICY, GuardTable, type AttemptRecord, type TargetPolicy } from '../index.ts';
import type { BreakerChange } from './circuit-breaker.ts';
import { kernelOf } from '../kernel.fixture.ts';

type Settings = { readonly [Part in keyof TargetPolicy]?: Partial<TargetPolicy[Part]> };

/** The default policy, with short pauses, and what differs. */
export const policyWith = ({ timeouts, retry, breaker, bulkhead, hedge }: Settings = {}): TargetPolicy => ({
  timeouts: { ...DEFAULT_TARGET_POLICY.timeouts, ...timeouts },
  retry: { ...DEFAULT_TARGET_POLICY.retry, minDelayMs: 1, maxDelayMs: 5, ...retry },
  breaker: { ...DEFAULT_TARGET_POLICY.breaker, ...breaker },
  bulkhead: { ...DEFAULT_TARGET_POLICY.bulkhead, ...bulkhead },
  hedge: { ...DEFAULT_TARGET_POLICY.hedge, ...hedge },
});

const chainOf = (models: readonly string[]): InterceptorContribution => {
  const [first, ...others] = models.map((model): RoutingTarget => ({ model, provider: 'fake' }));
  if (!first) throw new TypeError('a chain needs a model');
  return {
    phase: 'ROUTE',
    name: 'chain',
    order: 1,
    intercept: (next) => (call) =>
      next(
        Object.freeze({
          ...call,
          routing: { route: 'chain', strategy: 'priority', targets: [first, ...others] as const, reasons: ['first'] },
        }),
      ),
  };
};

/** A kernel whose requests try all of the models, in their order, under the policies. */
export const chainKernel = async (
  models: Readonly<Record<string, FakeModel>>,
  policies: TargetPolicy | ((model: string) => TargetPolicy) = policyWith(),
) => {
  const breakers: (BreakerChange & { readonly model: string })[] = [];
  const records: AttemptRecord[] = [];
  let begun = 0;
  const policyOf = (target: RoutingTarget): TargetPolicy =>
    typeof policies === 'function' ? policies(target.model) : policies;
  const guards = new GuardTable({
    policyOf,
    onBreaker: ({ model }, change) => breakers.push({ ...change, model }),
  });
  const observers = [
    { begin: () => void (begun += 1), end: (_: unknown, record: AttemptRecord) => void records.push(record) },
  ];
  const kernel = await kernelOf(models, [chainOf(Object.keys(models))], { guards, observers });
  const stateOf = (model: string) => guards.of({ model, provider: 'fake' }).state(performance.now());
  return { ...kernel, guards, breakers, records, stateOf, begun: () => begun };
};

export const embedOf = (model: string): InferenceRequest => ({ task: 'embed', model, inputs: ['hi'] });
