import { setTimeout as sleep } from 'node:timers/promises';
import { median, percentile } from '../statistics.ts';
import { spanOfAll, startTimes, tokensWithin } from './arrivals.ts';
import type { Contender } from './contender.ts';
import type { PromptMaker } from './prompts.ts';
import { firstTokenMs, gapsMs, streamOnce, type StreamRecord } from './stream-client.ts';

export interface TokenLoad {
  /** Streams at a time; each sends its next request when it has its answer. */
  readonly streams: number;
  readonly requests: number;
  readonly promptTokens: number;
  readonly tokens: number;
  /**
   * The streams start one after the other over this time, milliseconds; the last one sends `requests`, and the others go on until it has its answers. What counts is the time in which all have a
   * request in progress. Without it they start at once and share the requests, and all the time counts.
   */
  readonly answerMs?: number;
}

/** What one sample of a load showed; times in milliseconds. */
export interface LoadResult {
  /** Tokens generated, of all streams, in all the time that the sample took. */
  readonly tokens: number;
  /** The time that counts for `tokensPerSecond`. */
  readonly measuredMs: number;
  readonly tokensPerSecond: number;
  readonly firstTokenP50: number;
  readonly firstTokenP95: number;
  readonly gapP50: number;
  readonly gapP95: number;
  readonly gapP99: number;
  /** Times between two tokens that the percentiles are of. */
  readonly gaps: readonly number[];
}

/** Throws where a server did less work than the others: another length of prompt or answer, or a part from a cache. */
export const checkedRecord = (
  record: StreamRecord,
  { promptTokens, tokens }: TokenLoad,
  name: string,
): StreamRecord => {
  if (record.promptTokens !== promptTokens || record.completionTokens !== tokens)
    throw new Error(
      `${name} counts ${record.promptTokens} + ${record.completionTokens} tokens instead of ${promptTokens} + ${tokens} (finish: ${record.finish ?? 'none'})`,
    );
  return record;
};

const percentilesOf = (
  first: readonly number[],
  gaps: readonly number[],
): Omit<LoadResult, 'tokens' | 'measuredMs' | 'tokensPerSecond'> => ({
  firstTokenP50: percentile(first, 50),
  firstTokenP95: percentile(first, 95),
  gapP50: percentile(gaps, 50),
  gapP95: percentile(gaps, 95),
  gapP99: percentile(gaps, 99),
  gaps,
});

const tokensOf = (records: readonly StreamRecord[]): number =>
  records.reduce((sum, { completionTokens }) => sum + completionTokens, 0);

/** Of everything that was answered. */
export const summarise = (records: readonly StreamRecord[], wallMs: number): LoadResult => {
  const tokens = tokensOf(records);
  return {
    tokens,
    measuredMs: wallMs,
    tokensPerSecond: (tokens / wallMs) * 1000,
    ...percentilesOf(records.map(firstTokenMs), records.flatMap(gapsMs)),
  };
};

/**
 * Of the time in which all streams have a request in progress: the tokens that came in it, the first tokens of requests sent in it, and the times between two tokens that both came in it.
 * Throws where there is no such time.
 */
export const summariseStaggered = (streams: readonly (readonly StreamRecord[])[]): LoadResult => {
  const span = spanOfAll(streams);
  const records = streams.flat();
  const measuredMs = span.to - span.from;
  const counted = records.reduce((sum, record) => sum + tokensWithin(record, span), 0);
  const sent = records.filter(({ startedAt }) => startedAt >= span.from && startedAt < span.to);
  const within = records.map((record) => ({
    chunksAt: record.chunksAt.filter((at) => at >= span.from && at <= span.to),
  }));
  return {
    tokens: tokensOf(records),
    measuredMs,
    tokensPerSecond: (counted / measuredMs) * 1000,
    ...percentilesOf(sent.map(firstTokenMs), within.flatMap(gapsMs)),
  };
};

/** One greedy request for a fixed number of tokens. */
export const tokenRequest = (
  { port, extra }: Contender,
  prompt: readonly number[],
  tokens: number,
): { readonly port: number; readonly body: Readonly<Record<string, unknown>> } => ({
  port,
  body: { prompt, max_tokens: tokens, temperature: 0, ...extra },
});

type NextRequest = () => ReturnType<typeof tokenRequest> | undefined;

/** What each stream sends next: of all requests of the load where they start at once, else new ones until the last stream has had its own. */
const requestsOf = (contender: Contender, prompts: PromptMaker, load: TokenLoad): NextRequest[] => {
  const { streams, requests, promptTokens, tokens, answerMs } = load;
  const make = (): ReturnType<typeof tokenRequest> => tokenRequest(contender, prompts.next(promptTokens), tokens);
  const made = Array.from({ length: answerMs === undefined ? streams * requests : requests }, make);
  let isOver = false;
  const take: NextRequest = () => {
    const request = made.pop();
    isOver = request === undefined;
    return request;
  };
  const goOn: NextRequest = () => (isOver ? undefined : make());
  return Array.from({ length: streams }, (_, index) => (answerMs === undefined || index === streams - 1 ? take : goOn));
};

/** Runs the load once against a server, and gives the answers of each stream. */
const runStreams = async (contender: Contender, prompts: PromptMaker, load: TokenLoad): Promise<StreamRecord[][]> => {
  const next = requestsOf(contender, prompts, load);
  // One that fails ends the others: none waits or runs on behind the error that is shown.
  const failed = new AbortController();
  const { signal } = failed;
  const stream = async (startMs: number, index: number): Promise<StreamRecord[]> => {
    const records: StreamRecord[] = [];
    try {
      if (startMs > 0) await sleep(startMs, undefined, { signal });
      for (let body = next[index]?.(); body; body = next[index]?.()) {
        const record = await streamOnce({ ...body, signal }).catch((cause: unknown) => {
          throw new Error(`${contender.name}: ${(cause as Error).message}`, { cause });
        });
        records.push(checkedRecord(record, load, contender.name));
      }
      return records;
    } catch (error) {
      failed.abort(error);
      throw error;
    }
  };
  const settled = await Promise.allSettled(startTimes(load.streams, load.answerMs ?? 0).map(stream));
  // The first error is the reason; those of the others follow from it.
  signal.throwIfAborted();
  return settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
};

/** Runs the load once against a server. */
export const runLoad = async (contender: Contender, prompts: PromptMaker, load: TokenLoad): Promise<LoadResult> => {
  const streams = await runStreams(contender, prompts, load);
  if (load.answerMs !== undefined) return summariseStaggered(streams);
  const records = streams.flat();
  const startedAt = Math.min(...records.map((record) => record.startedAt));
  return summarise(records, Math.max(...records.map(({ endedAt }) => endedAt)) - startedAt);
};

/** The time of one answer beside as many others as the load has streams, milliseconds; median, after the same once as a warm-up. */
export const answerTime = async (
  contender: Contender,
  prompts: PromptMaker,
  { streams, promptTokens, tokens }: TokenLoad,
): Promise<number> => {
  const load = { streams, requests: 1, promptTokens, tokens };
  await runStreams(contender, prompts, load);
  const answers = await runStreams(contender, prompts, load);
  return median(answers.flat().map(({ startedAt, endedAt }) => endedAt - startedAt));
};
