import type { Task } from '@golek/api';
import type { RunningAttempt, Settled } from './running-attempt.ts';
import type { HedgePolicy } from './target-policy.ts';

/** Tasks that give the same answer however often they are asked. */
const IDEMPOTENT: ReadonlySet<Task> = new Set([
  'embed',
  'rerank',
  'classify',
  'tokenize',
  'detokenize',
  'count',
  'tensor',
]);

/** After how long a request gets a second attempt; undefined: never. */
export const hedgeDelay = (task: Task, { afterMs, generate }: HedgePolicy): number | undefined =>
  IDEMPOTENT.has(task) || (task === 'generate' && generate) ? afterMs : undefined;

/**
 * Runs an attempt and, when it has given nothing after `afterMs`, a second one beside it, as `second` makes it. The first event wins and the other attempt is
 * ended. @returns the winner, before an attempt that had failed; when both failed, the first attempt before the second.
 */
export const hedged = async (
  attempt: RunningAttempt,
  afterMs: number,
  second: () => RunningAttempt | undefined,
): Promise<readonly [Settled, ...Settled[]]> => {
  const running = attempt.begin();
  const timer = Promise.withResolvers<undefined>();
  const handle = setTimeout(() => timer.resolve(undefined), afterMs);
  const early = await Promise.race([running, timer.promise]);
  clearTimeout(handle);
  if (early) return [early];
  const other = second();
  if (!other) return [await running];
  const beside = other.begin();
  const winner = await Promise.race([running, beside]);
  const [loser, pending] = winner.attempt === attempt ? [other, beside] : [attempt, running];
  if ('error' in winner) {
    const rest = await pending;
    return 'error' in rest && winner.attempt === attempt ? [winner, rest] : [rest, winner];
  }
  loser.supersede();
  // It may have answered at the same moment.
  void pending.then(() => loser.leave()).catch(() => undefined);
  return [winner];
};
