import type { InferenceCall } from '@golek/plugins-api';
import type { TargetPolicy, TimeoutPolicy } from '@golek/kernel';
import { reliabilityConfig, type ConfigOf, type Configuration } from '@golek/system';

type Settings = ConfigOf<typeof reliabilityConfig>;
type Key = 'firstTokenMs' | 'totalMs';

const limit = (ms: number | undefined): number => (ms === undefined || ms === 0 ? Infinity : ms);

/** The time limits of a call: those of its target, of its tenant where the tenant has others, and shorter ones where the request asks for them. */
export const ownTimeouts =
  (configuration: Configuration) =>
  ({ principal: { tenant }, overrides }: InferenceCall, { timeouts }: TargetPolicy): TimeoutPolicy => {
    const all = configuration.get(reliabilityConfig);
    const ofTenant = configuration.effective(reliabilityConfig, { tenant });
    const ofRequest = overrides ? configuration.effective(reliabilityConfig, { tenant, overrides }) : ofTenant;
    if (ofRequest === all) return timeouts;
    const chosen = (key: Key): number | undefined => {
      const differs = (a: Settings, b: Settings): boolean => a.timeouts[key] !== b.timeouts[key];
      const allowed = limit(differs(ofTenant, all) ? ofTenant.timeouts[key] : timeouts[key]);
      const asked = differs(ofRequest, ofTenant) ? limit(ofRequest.timeouts[key]) : Infinity;
      const least = Math.min(allowed, asked);
      return least === Infinity ? undefined : least;
    };
    const firstTokenMs = chosen('firstTokenMs');
    // A limit of one's own on the first token can be kept only where tokens come one by one.
    const wholeMs = firstTokenMs === timeouts.firstTokenMs ? timeouts.wholeMs : undefined;
    return { ...timeouts, firstTokenMs, wholeMs, totalMs: chosen('totalMs') };
  };
