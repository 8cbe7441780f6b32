import { GolekError, nearest } from '@golek/api/plain';
import type { Log } from '@golek/api';
import type { ModelSource } from '../provider.ts';
import type { Upstream } from './upstream.ts';

/** Throws `model_not_found` when the upstream's list lacks the model. A list that cannot be had proves nothing: the first request will tell. */
export const verifyListed = async (
  { name, location }: ModelSource,
  upstream: Upstream,
  list: (upstream: Upstream, signal: AbortSignal) => Promise<readonly string[]>,
  signal: AbortSignal,
  log?: Log,
): Promise<void> => {
  let known: readonly string[];
  try {
    known = await list(upstream, signal);
  } catch (error) {
    if (signal.aborted) throw GolekError.from(signal.reason, 'cancelled');
    log?.warn({ model: name, upstream: upstream.id, err: error }, 'the list of models cannot be read');
    return;
  }
  if (known.includes(location)) return;
  const hint = nearest(location, known);
  throw new GolekError(
    'model_not_found',
    `upstream '${upstream.id}' (${upstream.host}) has no model '${location}'${hint === undefined ? '' : `; did you mean '${hint}'?`}`,
    { details: { upstream: upstream.id, model: location } },
  );
};
