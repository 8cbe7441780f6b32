import { stripVTControlCharacters } from 'node:util';
import { textTable } from '../text-table.ts';
import type { LevelResult } from './bench-run.ts';

/** A figure as it is shown: one digit after the point below 100. */
export const shown = (value: number): string => {
  if (!Number.isFinite(value)) return '–';
  return value.toLocaleString('en-US', { maximumFractionDigits: value < 100 ? 1 : 0 });
};

interface Measure {
  /** Above its column, right of the measure that it belongs to. */
  readonly heading: string;
  /** Before its line; default: the heading. */
  readonly label?: string;
  readonly of: (level: LevelResult) => number;
}

const REQUESTS = 'REQUESTS';

const MEASURES: readonly Measure[] = [
  { heading: 'ROUNDS', of: ({ rounds }) => rounds },
  { heading: 'TOKENS/S', of: ({ tokensPerSecond }) => tokensPerSecond },
  { heading: 'EACH', of: ({ decodePerSecond }) => decodePerSecond },
  { heading: 'TTFT P50 MS', of: ({ firstTokenP50 }) => firstTokenP50 },
  { heading: 'P95', label: 'TTFT P95 MS', of: ({ firstTokenP95 }) => firstTokenP95 },
  { heading: 'TOKEN P50 MS', of: ({ betweenTokensP50 }) => betweenTokensP50 },
  { heading: 'P99', label: 'TOKEN P99 MS', of: ({ betweenTokensP99 }) => betweenTokensP99 },
];

const widthOf = (text: string): number =>
  Math.max(
    ...stripVTControlCharacters(text)
      .split('\n')
      .map((line) => line.length),
  );

/** A line for each measure and a column for each number of requests. */
const turned = (levels: readonly LevelResult[]): string =>
  textTable(
    [REQUESTS, ...levels.map(({ concurrency }) => shown(concurrency))],
    MEASURES.map(({ heading, label = heading, of }) => [label, ...levels.map((level) => shown(of(level)))]),
  );

/**
 * A line for each number of requests. Where that is wider than `width` columns, it is turned round, in as many tables as it takes, of one number of requests at least.
 */
export const benchTable = (levels: readonly LevelResult[], width: number): string => {
  const wide = textTable(
    [REQUESTS, ...MEASURES.map(({ heading }) => heading)],
    levels.map((level) => [shown(level.concurrency), ...MEASURES.map(({ of }) => shown(of(level)))]),
  );
  if (widthOf(wide) <= width) return wide;
  const tables: LevelResult[][] = [];
  for (const level of levels) {
    const last = tables.at(-1);
    if (last && widthOf(turned([...last, level])) <= width) last.push(level);
    else tables.push([level]);
  }
  return tables.map(turned).join('\n');
};
