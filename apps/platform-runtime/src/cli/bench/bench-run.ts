import { GolekError } from '@golek/api';
import { percentile } from './percentile.ts';
import type { BenchPlan } from './bench-plan.ts';
import type { BenchTarget } from './bench-target.ts';

/** What one number of requests at a time gave; times in milliseconds. */
export interface LevelResult {
  readonly concurrency: number;
  /** Rounds that were completed. */
  readonly rounds: number;
  /** Tokens generated in a second by all requests together, median of the rounds. */
  readonly tokensPerSecond: number;
  /** The same of one request from its first token on, median. */
  readonly decodePerSecond: number;
  readonly firstTokenP50: number;
  readonly firstTokenP95: number;
  readonly betweenTokensP50: number;
  readonly betweenTokensP99: number;
}

export interface BenchResult {
  readonly levels: readonly LevelResult[];
  /** Prompt tokens in a second of a request that is alone. */
  readonly prefillPerSecond: number;
  /** Generated tokens in a second of a request that is alone, from its first token on. */
  readonly decodePerSecond: number;
  /** True when it was ended before all rounds were done. */
  readonly partial: boolean;
}

interface Answer {
  readonly startedAt: number;
  readonly textsAt: readonly number[];
  readonly tokens: number;
}

interface Round {
  readonly wallMs: number;
  readonly answers: readonly Answer[];
}

const LETTERS = 'etaoinshrdlu';

/** Words that no two calls with different numbers share, so that tokens vary. */
const words = (count: number): string =>
  Array.from({ length: count }, (_, i) => {
    let word = '';
    for (let rest = i * 7919 + 13; rest > 0; rest = Math.floor(rest / LETTERS.length))
      word += LETTERS.charAt(rest % LETTERS.length);
    return word;
  }).join(' ');

/** Makes prompts of exactly `length` tokens out of a pool; they differ from their first tokens on, so that no cache helps. */
export const promptsFrom = (pool: readonly number[], length: number): (() => number[]) => {
  let state = 1;
  // The minimal standard generator: the same prompts in every run.
  const next = (): number => (state = (state * 48_271) % 2_147_483_647);
  return () => Array.from({ length }, () => pool[next() % pool.length] ?? 0);
};

const measured = async (
  target: BenchTarget,
  prompt: number[],
  tokens: number,
  signal: AbortSignal,
): Promise<Answer> => {
  const textsAt: number[] = [];
  const startedAt = performance.now();
  const count = await target.answer(prompt, tokens, () => textsAt.push(performance.now()), signal);
  if (count.promptTokens !== prompt.length || count.completionTokens !== tokens)
    throw new GolekError(
      'provider_failed',
      `'${target.model}' counted ${count.promptTokens} + ${count.completionTokens} tokens instead of ${prompt.length} + ${tokens}: the measurement would say nothing`,
    );
  return { startedAt, textsAt, tokens };
};

const firstTokenMs = ({ startedAt, textsAt }: Answer): number => (textsAt[0] ?? NaN) - startedAt;
const gapsMs = ({ textsAt }: Answer): number[] => textsAt.slice(1).map((at, i) => at - (textsAt[i] ?? at));
/** NaN for an answer whose text came in one piece. */
const decodePerSecond = ({ textsAt, tokens }: Answer): number => {
  const first = textsAt[0] ?? NaN;
  const last = textsAt.at(-1) ?? NaN;
  return last > first ? ((tokens - 1) / (last - first)) * 1000 : NaN;
};

const levelOf = (concurrency: number, rounds: readonly Round[]): LevelResult => {
  const answers = rounds.flatMap((round) => round.answers);
  const first = answers.map(firstTokenMs);
  const gaps = answers.flatMap(gapsMs);
  const rates = rounds.map(
    (round) => round.answers.reduce((sum, { tokens }) => sum + tokens, 0) / (round.wallMs / 1000),
  );
  return {
    concurrency,
    rounds: rounds.length,
    tokensPerSecond: percentile(rates, 50),
    decodePerSecond: percentile(answers.map(decodePerSecond).filter(Number.isFinite), 50),
    firstTokenP50: percentile(first, 50),
    firstTokenP95: percentile(first, 95),
    betweenTokensP50: percentile(gaps, 50),
    betweenTokensP99: percentile(gaps, 99),
  };
};

/**
 * Measures the plan's numbers of requests at a time, after one request that loads the model. A signal ends it: what was measured until then is the result, which says
 * so. Throws what a request fails with.
 */
export const runBench = async (
  target: BenchTarget,
  { concurrency, promptTokens, tokens, rounds }: BenchPlan,
  onRound: (level: number, round: number) => void,
  signal: AbortSignal,
): Promise<BenchResult> => {
  const levels: LevelResult[] = [];
  let partial = false;
  try {
    const pool = await target.tokenize(words(2000), signal);
    const prompt = promptsFrom(pool, promptTokens);
    await measured(target, prompt(), 1, signal);
    for (const level of concurrency) {
      const done: Round[] = [];
      try {
        for (let round = 1; round <= rounds; round++) {
          onRound(level, round);
          done.push(await oneRound(target, Array.from({ length: level }, prompt), tokens, signal));
        }
      } finally {
        if (done.length > 0) levels.push(levelOf(level, done));
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    partial = true;
  }
  const alone = levels.find((level) => level.concurrency === 1);
  return {
    levels,
    prefillPerSecond: (promptTokens / (alone?.firstTokenP50 ?? NaN)) * 1000,
    decodePerSecond: alone?.decodePerSecond ?? NaN,
    partial,
  };
};

const oneRound = async (
  target: BenchTarget,
  prompts: readonly number[][],
  tokens: number,
  signal: AbortSignal,
): Promise<Round> => {
  const failed = new AbortController();
  const ends = AbortSignal.any([signal, failed.signal]);
  const startedAt = performance.now();
  // One that fails ends the others: none runs on behind the error that is shown.
  const running = prompts.map((prompt) =>
    measured(target, prompt, tokens, ends).catch((error: unknown) => {
      failed.abort(error);
      throw error;
    }),
  );
  const settled = await Promise.allSettled(running);
  signal.throwIfAborted();
  failed.signal.throwIfAborted();
  const answers = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  return { wallMs: performance.now() - startedAt, answers };
};
