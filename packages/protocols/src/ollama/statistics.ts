import type { Usage } from '@golek/api';
import { z } from 'zod';

/** What was measured of a request beside the engine's own counts. */
export interface AnswerClock {
  /** Time of day, RFC 3339 in UTC. */
  readonly now: () => string;
  /** Since the request was received, milliseconds. */
  readonly elapsedMs: () => number;
  /** How long the request waited for its model to be loaded, milliseconds; 0 where it was loaded already; undefined where that is not known. */
  readonly loadMs: () => number | undefined;
}

const nanoseconds = z.int().exactOptional().describe('Nanoseconds.');

/** What the last object of an answer says of its making; what was not measured is left out. */
export const statisticsFields = {
  total_duration: nanoseconds,
  load_duration: nanoseconds,
  prompt_eval_count: z.int().exactOptional(),
  prompt_eval_duration: nanoseconds,
  eval_count: z.int().exactOptional(),
  eval_duration: nanoseconds,
};
type Statistics = z.output<z.ZodObject<typeof statisticsFields>>;

const NANOSECONDS_IN_MS = 1e6;
const inNanoseconds = (ms: number): number => Math.round(ms * NANOSECONDS_IN_MS);

export const timesOf = ({ elapsedMs, loadMs }: AnswerClock): Pick<Statistics, 'total_duration' | 'load_duration'> => {
  const load = loadMs();
  return {
    total_duration: inNanoseconds(elapsedMs()),
    ...(load !== undefined && { load_duration: inNanoseconds(load) }),
  };
};

export const statisticsOf = (clock: AnswerClock, usage: Usage | undefined): Statistics => {
  const { timings } = usage ?? {};
  return {
    ...timesOf(clock),
    ...(usage && { prompt_eval_count: usage.promptTokens }),
    ...(timings && { prompt_eval_duration: inNanoseconds(timings.prefillMs) }),
    ...(usage && { eval_count: usage.completionTokens }),
    ...(timings && { eval_duration: inNanoseconds(timings.decodeMs) }),
  };
};
