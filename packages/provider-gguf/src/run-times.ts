import {
  childSpan,
  type Attributes,
  type GolekError,
  type RunContext,
  type SpanData,
  type Usage,
} from '@golek/providers-spi';

/** When the steps of one answer happened, milliseconds of `performance.now()`; undefined for what has not happened. */
export interface AnswerTimes {
  /** Its prompt began to be evaluated. */
  readonly startedAt: number | undefined;
  readonly firstTokenAt: number | undefined;
  readonly endedAt: number | undefined;
}

type Timings = NonNullable<Usage['timings']>;

/** The stages of a run, each from the end of the one before. */
interface Stages {
  readonly submittedAt: number;
  readonly startedAt: number | undefined;
  readonly firstTokenAt: number | undefined;
  readonly endedAt: number | undefined;
}

const first = (times: readonly (number | undefined)[]): number | undefined => {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
};

/** The stages of all answers of a run together: it waits until the first one starts and decodes until the last one ends. */
export const stagesOf = (submittedAt: number, answers: readonly AnswerTimes[]): Stages => {
  const ends = answers.map(({ endedAt }) => endedAt).filter((time) => time !== undefined);
  return {
    submittedAt,
    startedAt: first(answers.map(({ startedAt }) => startedAt)),
    firstTokenAt: first(answers.map(({ firstTokenAt }) => firstTokenAt)),
    endedAt: ends.length === 0 ? undefined : Math.max(...ends),
  };
};

/** Microseconds are all that a reader can use of it. */
const rounded = (ms: number): number => Math.max(0, Math.round(ms * 1000) / 1000);

/** Where the time of a finished run went. */
export const timingsOf = ({ submittedAt, startedAt, firstTokenAt, endedAt }: Stages): Timings => {
  const started = startedAt ?? submittedAt;
  const firstToken = firstTokenAt ?? started;
  return {
    queueMs: rounded(started - submittedAt),
    prefillMs: rounded(firstToken - started),
    decodeMs: rounded((endedAt ?? firstToken) - firstToken),
  };
};

/** What the spans of a run tell beside their times. */
export interface RunFacts {
  readonly promptTokens: number;
  readonly cachedPromptTokens: number;
  readonly completionTokens: number;
  /** Why the run did not come to its end. */
  readonly error: GolekError | undefined;
}

/** Gives the spans `queue`, `prefill` and `decode` of a run to whoever asked for them. A stage that the run did not finish has its error. */
export const giveSpans = (
  { traceparent, onSpan }: RunContext,
  stages: Stages,
  { promptTokens, cachedPromptTokens, completionTokens, error }: RunFacts,
): void => {
  if (!onSpan || traceparent === undefined) return;
  const now = performance.now();
  const give = (name: string, from: number | undefined, to: number | undefined, attributes: Attributes): void => {
    if (from !== undefined)
      onSpan(
        spanOf(traceparent, { name, from, to: to ?? now, attributes, error: to === undefined ? error : undefined }),
      );
  };
  const { submittedAt, startedAt, firstTokenAt, endedAt } = stages;
  give('queue', submittedAt, startedAt, {});
  give('prefill', startedAt, firstTokenAt, {
    'gen_ai.usage.input_tokens': promptTokens,
    'gen_ai.usage.cache_read.input_tokens': cachedPromptTokens,
  });
  give('decode', firstTokenAt, error ? undefined : endedAt, { 'gen_ai.usage.output_tokens': completionTokens });
};

interface Piece {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  readonly attributes: Attributes;
  readonly error: GolekError | undefined;
}

/** A span of this process under the one that a `traceparent` names; times are those of `performance.now()`. */
export const spanOf = (traceparent: string, { name, from, to, attributes, error }: Piece): SpanData =>
  childSpan(traceparent, {
    name,
    startTime: performance.timeOrigin + from,
    endTime: performance.timeOrigin + to,
    attributes: { 'process.pid': process.pid, ...attributes },
    error,
  });
