import { percentile } from '../statistics.ts';
import type { Contender } from './contender.ts';
import type { PromptMaker } from './prompts.ts';
import { firstTokenMs, gapsMs, streamOnce, type StreamRecord } from './stream-client.ts';

export interface TokenLoad {
  /** Streams at a time; each sends its next request when it has its answer. */
  readonly streams: number;
  readonly requests: number;
  readonly promptTokens: number;
  readonly tokens: number;
}

/** What one sample of a load showed; times in milliseconds. */
export interface LoadResult {
  /** Tokens generated, of all streams. */
  readonly tokens: number;
  readonly tokensPerSecond: number;
  readonly firstTokenP50: number;
  readonly firstTokenP95: number;
  readonly gapP50: number;
  readonly gapP95: number;
  readonly gapP99: number;
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

export const summarise = (records: readonly StreamRecord[], wallMs: number): LoadResult => {
  const first = records.map(firstTokenMs);
  const gaps = records.flatMap(gapsMs);
  const tokens = records.reduce((sum, { completionTokens }) => sum + completionTokens, 0);
  return {
    tokens,
    tokensPerSecond: (tokens / wallMs) * 1000,
    firstTokenP50: percentile(first, 50),
    firstTokenP95: percentile(first, 95),
    gapP50: percentile(gaps, 50),
    gapP95: percentile(gaps, 95),
    gapP99: percentile(gaps, 99),
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

/** Runs the load once against a server. */
export const runLoad = async (contender: Contender, prompts: PromptMaker, load: TokenLoad): Promise<LoadResult> => {
  const { streams, requests, promptTokens, tokens } = load;
  const bodies = Array.from({ length: streams * requests }, () =>
    tokenRequest(contender, prompts.next(promptTokens), tokens),
  );
  const records: StreamRecord[] = [];
  const startedAt = performance.now();
  const stream = async (): Promise<void> => {
    for (let body = bodies.pop(); body; body = bodies.pop()) {
      const record = await streamOnce(body).catch((cause: unknown) => {
        throw new Error(`${contender.name}: ${(cause as Error).message}`, { cause });
      });
      records.push(checkedRecord(record, load, contender.name));
    }
  };
  await Promise.all(Array.from({ length: streams }, stream));
  return summarise(records, performance.now() - startedAt);
};
