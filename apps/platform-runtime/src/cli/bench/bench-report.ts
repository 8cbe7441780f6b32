import { factLines } from '../text-table.ts';
import { styled } from '../style.ts';
import { barChart } from './bar-chart.ts';
import type { BenchPlan } from './bench-plan.ts';
import type { BenchResult } from './bench-run.ts';
import { benchTable, shown } from './bench-table.ts';
import type { BenchTarget } from './bench-target.ts';
import { wrapWords } from './wrap-words.ts';

/** Columns of the chart where nothing says how many there are. */
const CHART_WIDTH = 80;
/** Columns of the longest label of a rate. */
const LABELS = 'prefill'.length;

type Subject = Pick<BenchTarget, 'model' | 'where'>;

/** What was measured, as a table and a chart, in a terminal of `columns` columns; without them lines are as long as they are. */
export const benchReport = (
  subject: Subject,
  plan: BenchPlan,
  result: BenchResult,
  columns: number | undefined,
): string => {
  const { levels, prefillPerSecond, decodePerSecond, partial } = result;
  const { promptTokens, tokens, rounds } = plan;
  const width = columns ?? Infinity;
  const line = (text: string): string => `${wrapWords(text, width)}\n`;
  const title = line(
    `${subject.model} ${subject.where}: ${promptTokens} prompt and ${tokens} generated tokens, ${rounds} round${rounds === 1 ? '' : 's'}`,
  );
  if (levels.length === 0) return title + line('ended before the first round was done: nothing was measured');
  const rate = (label: string, value: number): readonly [string, string] => {
    const indent = LABELS + 2;
    const text = `${label.padEnd(LABELS)}  ${shown(value)} tokens/s, one request alone`;
    // At least wide enough for the label and a figure.
    return [label, wrapWords(text, Math.max(width, 2 * indent), indent).slice(indent)];
  };
  const bars = levels.map(({ concurrency, tokensPerSecond }) => ({
    label: String(concurrency),
    value: tokensPerSecond,
    text: shown(tokensPerSecond),
  }));
  return [
    title,
    partial ? line(`partial: ended before all of ${plan.concurrency.join(', ')} were measured ${rounds} times`) : '',
    factLines([rate('prefill', prefillPerSecond), rate('decode', decodePerSecond)]),
    '\n',
    benchTable(levels, width),
    '\n',
    styled(process.stdout, 'bold', 'tokens/s by requests at a time'),
    '\n',
    barChart(bars, columns ?? CHART_WIDTH),
  ].join('');
};
