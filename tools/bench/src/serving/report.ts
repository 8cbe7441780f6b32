import { writeFile } from 'node:fs/promises';
import { availableParallelism, cpus } from 'node:os';
import { median } from '../statistics.ts';
import { FOREIGN_LIMIT } from '../take-turns.ts';
import type { ServingOptions } from './serving-options.ts';
import type { ServingResult } from './serving.ts';

/** A Markdown table. */
export const table = (headings: readonly string[], rows: readonly (readonly string[])[]): string =>
  [headings, headings.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

const number = (value: number | undefined, digits: number): string =>
  value === undefined || Number.isNaN(value) ? '–' : value.toFixed(digits);

export const servingTable = (results: readonly ServingResult[]): string =>
  table(
    [
      'side',
      'streams',
      'tok/s',
      'TTFT p50 ms',
      'p95',
      'inter-token p50 ms',
      'p95',
      'p99',
      'loop p99 ms',
      'CPU ms/token',
      'kept',
    ],
    results.map((result) => [
      result.name,
      String(result.streams),
      number(result.tokensPerSecond, 1),
      number(result.firstTokenP50, 0),
      number(result.firstTokenP95, 0),
      number(result.gapP50, 1),
      number(result.gapP95, 1),
      number(result.gapP99, 1),
      number(result.loopDelayP99, 1),
      number(result.cpuMsPerToken, 2),
      `${result.kept} of ${result.taken}`,
    ]),
  );

type Sampled = ServingResult['samples'][number];

/** Median of the ratios of samples of the same round, over the rounds in which neither was disturbed, or over all where each was. */
export const pairedRatio = <S extends { readonly foreign: number }>(
  a: { readonly samples: readonly S[] },
  b: { readonly samples: readonly S[] },
  pick: (sample: S) => number,
): number => {
  const pairs = a.samples.flatMap((sample, round) => {
    const other = b.samples[round];
    return other ? [[sample, other] as const] : [];
  });
  const quiet = pairs.filter((pair) => pair.every(({ foreign }) => foreign <= FOREIGN_LIMIT));
  return median((quiet.length > 0 ? quiet : pairs).map(([one, other]) => pick(one) / pick(other)));
};

/** Golek beside each other side at the same number of streams. */
export const servingRatios = (results: readonly ServingResult[]): string[] =>
  results
    .filter(({ name }) => name === 'golek')
    .flatMap((golek) =>
      results
        .filter(({ name, streams }) => name !== 'golek' && streams === golek.streams)
        .map((other) => {
          const ratio = (pick: (sample: Sampled) => number): string => `${number(pairedRatio(golek, other, pick), 2)}×`;
          return `golek / ${other.name} at ${golek.streams}: speed ${ratio((s) => s.tokensPerSecond)}, TTFT p50 ${ratio((s) => s.firstTokenP50)}, inter-token p99 ${ratio((s) => s.gapP99)}`;
        }),
    );

/** How the starts of staggered streams were chosen, for each number of streams. */
export const staggerLines = (results: readonly ServingResult[]): string[] => {
  const counts = new Map(results.map(({ streams, stagger }) => [streams, stagger]));
  return [...counts].flatMap(([streams, stagger]) =>
    stagger && streams > 1
      ? `staggered at ${streams}: a stream starts every ${number(stagger.answerMs / streams, 0)} ms on all sides (an answer of ${stagger.side} took ${number(stagger.answerMs, 0)} ms in its warm-up); measured while all have a request in progress`
      : [],
  );
};

/** The machine and the settings, in one line. */
export const conditions = ({ model, threads, flashAttention, batch, rounds, warmup }: ServingOptions): string =>
  `model ${model}, ${threads} engine thread${threads === 1 ? '' : 's'}, flash attention ${flashAttention ? 'on' : 'off'}, batch ${batch}, ${rounds} rounds in turn after ${warmup} of warm-up, medians; ${availableParallelism()} cores, ${cpus()[0]?.model ?? 'unknown CPU'}, Node ${process.version}`;

/** Writes results with their conditions, when a file was asked for. */
export const writeJson = async (benchmark: string, options: ServingOptions, results: unknown): Promise<void> => {
  if (options.json === undefined) return;
  const machine = { cores: availableParallelism(), cpu: cpus()[0]?.model, node: process.version };
  const at = new Date().toISOString();
  await writeFile(options.json, `${JSON.stringify({ benchmark, at, machine, options, results }, undefined, 2)}\n`);
};
