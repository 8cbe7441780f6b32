import type { GolekError, InferenceEvent, RouteTaken } from '@golek/api';

/** Tells which target answers, and why. */
export const ROUTE_HEADER = 'x-golek-route';

const LONGEST_NAME = 128;
const LONGEST_REASON = 256;
const MOST_FAILED = 8;

const UNFIT = /[^\x20-\x7e]|["\\;,]/;
const ALL_UNFIT = new RegExp(UNFIT, 'g');

/** What may stand in a header: printable ASCII without what structures this one. */
const clean = (text: string, limit: number): string =>
  (UNFIT.test(text) ? text.replaceAll(ALL_UNFIT, '_') : text).slice(0, limit);

type Failed = RouteTaken['failed'][number];

const failedText = (failed: readonly Failed[]): string => {
  const shown = failed.slice(-MOST_FAILED).map(({ model, code }) => `${clean(model, LONGEST_NAME)}:${clean(code, 64)}`);
  return failed.length > MOST_FAILED ? `${failed.length - MOST_FAILED} more,${shown.join(',')}` : shown.join(',');
};

/**
 * One line of bounded length, e.g. `chat; target=llama-a; strategy=weighted; failed=llama-b:rate_limited; reason="…"`. Undefined when the event does not know its
 * route.
 */
export const routeOfStart = ({ model, route }: Extract<InferenceEvent, { type: 'start' }>): string | undefined => {
  if (!route) return undefined;
  const { name, strategy, reasons, failed } = route;
  let text = `${clean(name, LONGEST_NAME)}; target=${clean(model, LONGEST_NAME)}`;
  if (strategy !== undefined) text += `; strategy=${clean(strategy, 64)}`;
  if (failed.length > 0) text += `; failed=${failedText(failed)}`;
  if (reasons.length > 0) text += `; reason="${clean(reasons.join(' | '), LONGEST_REASON)}"`;
  return text;
};

const isAttempt = (value: unknown): value is Failed =>
  typeof value === 'object' &&
  value !== null &&
  'model' in value &&
  'code' in value &&
  typeof value.model === 'string' &&
  typeof value.code === 'string';

/** The same for a request that no target answered. */
export const routeOfError = ({ details }: GolekError): string | undefined => {
  const attempts = details?.['attempts'];
  const failed = Array.isArray(attempts) ? attempts.filter(isAttempt) : [];
  return failed.length > 0 ? `failed=${failedText(failed)}` : undefined;
};
