export type { Behaviour, Moment } from './behaviour.ts';
export { FAULTS, type FaultName } from './faults.ts';
export { FaultyUpstream, startFaultyUpstream, type FaultyUpstreamOptions } from './faulty-upstream.ts';
export type { UpstreamCall } from './upstream-call.ts';
