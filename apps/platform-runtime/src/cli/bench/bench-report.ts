import { factLines, textTable } from '../text-table.ts';
import { styled } from '../style.ts';
import { barChart } from './bar-chart.ts';
import type { BenchPlan } from './bench-plan.ts';
import type { BenchResult } from './bench-run.ts';
import type { BenchTarget } from './bench-target.ts';

const shown = (value: number): string => {
  if (!Number.isFinite(value)) return '–';
  return value.toLocaleString('en-US', { maximumFractionDigits: value < 100 ? 1 : 0 });
};

type Subject = Pick<BenchTarget, 'model' | 'where'>;

/** What was measured, as a table and a chart of `width` columns. */
export const benchReport = (subject: Subject, plan: BenchPlan, result: BenchResult, width: number): string => {
  const { levels, prefillPerSecond, decodePerSecond, partial } = result;
  const { promptTokens, tokens, rounds } = plan;
  const title = `${subject.model} ${subject.where}: ${promptTokens} prompt and ${tokens} generated tokens, ${rounds} round${rounds === 1 ? '' : 's'}\n`;
  if (levels.length === 0) return `${title}ended before the first round was done: nothing was measured\n`;
  const note = partial
    ? `partial: ended before all of ${plan.concurrency.join(', ')} were measured ${rounds} times\n`
    : '';
  const headings = ['REQUESTS', 'ROUNDS', 'TOKENS/S', 'EACH', 'TTFT P50 MS', 'P95', 'TOKEN P50 MS', 'P99'];
  const rows = levels.map((level) =>
    [
      level.concurrency,
      level.rounds,
      level.tokensPerSecond,
      level.decodePerSecond,
      level.firstTokenP50,
      level.firstTokenP95,
      level.betweenTokensP50,
      level.betweenTokensP99,
    ].map(shown),
  );
  const bars = levels.map(({ concurrency, tokensPerSecond }) => ({
    label: String(concurrency),
    value: tokensPerSecond,
    text: shown(tokensPerSecond),
  }));
  return [
    title,
    note,
    factLines([
      ['prefill', `${shown(prefillPerSecond)} tokens/s, one request alone`],
      ['decode', `${shown(decodePerSecond)} tokens/s, one request alone`],
    ]),
    '\n',
    textTable(headings, rows),
    '\n',
    styled(process.stdout, 'bold', 'tokens/s by requests at a time'),
    '\n',
    barChart(bars, width),
  ].join('');
};
