import type { TargetStatus } from '../reliability/target-status.ts';
import { textTable } from './text-table.ts';

const HEADINGS = ['MODEL', 'PROVIDER', 'BREAKER', 'FAILURES', 'IN HAND', 'WAITING', 'RETRIES LEFT'];

const rowOf = ({ model, provider, breaker, inFlight, queued, retriesLeft }: TargetStatus): string[] => [
  model,
  provider,
  breaker.retryAfterMs === undefined
    ? breaker.state
    : `${breaker.state} (${Math.ceil(breaker.retryAfterMs / 1_000)} s)`,
  String(breaker.failures),
  String(inFlight),
  String(queued),
  String(retriesLeft),
];

/** A table of targets for people; one that is being spared comes with its last failure below its line. */
export const targetTable = (targets: readonly TargetStatus[]): string =>
  textTable(
    HEADINGS,
    targets.map(rowOf),
    targets.map(({ breaker: { state, lastError } }) =>
      state === 'closed' || !lastError ? undefined : `last failure: ${lastError.message} [${lastError.code}]`,
    ),
  );
