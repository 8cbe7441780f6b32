import type { TargetStatus } from '../reliability/target-status.ts';
import { styled } from './style.ts';

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
export const targetTable = (targets: readonly TargetStatus[]): string => {
  const rows = [HEADINGS, ...targets.map(rowOf)];
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const [heading = '', ...lines] = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const told = lines.flatMap((line, index) => {
    const { state, lastError } = targets[index]?.breaker ?? {};
    if (state === 'closed' || !lastError) return [line];
    return [line, styled(process.stdout, 'red', `  last failure: ${lastError.message} [${lastError.code}]`)];
  });
  return `${[styled(process.stdout, 'bold', heading), ...told].join('\n')}\n`;
};
