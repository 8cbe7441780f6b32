import type { ModelManifest } from '@golek/api';
import { DEFAULT_TARGET_POLICY, type TargetPolicy, type TimeoutPolicy } from '@golek/kernel';

type Some<T> = { readonly [Key in keyof T]?: T[Key] | undefined };

/** The parts of a policy that differ from what lies below. A time limit of 0 is none. */
export type PolicySettings = { readonly [Part in keyof TargetPolicy]?: Some<TargetPolicy[Part]> | undefined };

/** What differs for one model, or for all models of a provider. */
export interface TargetSettings extends PolicySettings {
  readonly model?: string | undefined;
  readonly provider?: string | undefined;
}

/** How targets are protected: what holds for all, and what differs for some. */
export interface ReliabilitySettings extends PolicySettings {
  /** Those of a provider are applied before those of a model. */
  readonly targets?: readonly TargetSettings[] | undefined;
}

/** A remote service that hangs says nothing; an engine of our own tells when it dies, and may take its time for a long prompt. */
const REMOTE_TIMEOUTS: TimeoutPolicy = { firstTokenMs: 120_000, betweenTokensMs: 60_000 };

/** As long as clients of such services wait by themselves. */
const REMOTE_WHOLE_MS = 600_000;

const defined = <T extends object>(part: T | undefined): Partial<T> =>
  Object.fromEntries(Object.entries(part ?? {}).filter(([, value]) => value !== undefined)) as Partial<T>;

const limit = (ms: number | undefined): number | undefined => (ms === 0 ? undefined : ms);

/** The policy of one target: defaults < settings for all < of its provider < of the model. */
export const policyFor = (
  settings: ReliabilitySettings,
  { name, provider, device }: Pick<ModelManifest, 'name' | 'provider' | 'device'>,
): TargetPolicy => {
  const { targets = [] } = settings;
  const layers: readonly PolicySettings[] = [
    settings,
    ...targets.filter((target) => target.model === undefined && target.provider === provider),
    ...targets.filter((target) => target.model === name && (target.provider ?? provider) === provider),
  ];
  const merged = <Part extends keyof TargetPolicy>(part: Part): TargetPolicy[Part] =>
    Object.assign(
      {},
      DEFAULT_TARGET_POLICY[part],
      ...layers.map((layer) => defined(layer[part])),
    ) as TargetPolicy[Part];
  const set = merged('timeouts');
  const timeouts = { ...(device === 'remote' && REMOTE_TIMEOUTS), ...set };
  // A limit on tokens that somebody has set can be kept only where they come one by one.
  const limited = (set.firstTokenMs ?? set.betweenTokensMs) !== undefined;
  const wholeMs = set.wholeMs ?? (device === 'remote' && !limited ? REMOTE_WHOLE_MS : undefined);
  return {
    timeouts: {
      firstTokenMs: limit(timeouts.firstTokenMs),
      betweenTokensMs: limit(timeouts.betweenTokensMs),
      wholeMs: limit(wholeMs),
      totalMs: limit(timeouts.totalMs),
    },
    retry: merged('retry'),
    breaker: merged('breaker'),
    bulkhead: merged('bulkhead'),
    hedge: merged('hedge'),
  };
};
