import { median } from '../statistics.ts';
import { FOREIGN_LIMIT } from '../take-turns.ts';
import { table } from '../serving/report.ts';
import type { GatewayResult, GatewaySample } from './compare.ts';

/** Most that Golek's CPU for a request may be, as part of another side's. */
export const TARGETS: Readonly<Record<string, number>> = { portkey: 0.25, 'bare node:http': 3 };

const digits = (value: number): string => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
const spread = (values: readonly number[]): string =>
  `${digits(median(values))} (${digits(Math.min(...values))} to ${digits(Math.max(...values))})`;

const row = (name: string, samples: readonly GatewaySample[]): string[] => [
  name,
  spread(samples.map(({ cpuMicros }) => cpuMicros)),
  median(samples.map(({ perSecond }) => perSecond)).toFixed(0),
  digits(median(samples.map(({ p50 }) => p50))),
  digits(median(samples.map(({ p99 }) => p99))),
  `${samples.filter(({ foreign }) => foreign <= FOREIGN_LIMIT).length} of ${samples.length}`,
];

/** The ratio of the first side's CPU to another's, by rounds. */
const ratio = (first: readonly GatewaySample[], other: readonly GatewaySample[]): number[] =>
  first.flatMap(({ cpuMicros }, round) => {
    const beside = other[round];
    return beside ? [cpuMicros / beside.cpuMicros] : [];
  });

/**
 * A table of the sides, and the ratios of the first side's CPU to the others', each of the same round. All rounds count: CPU for a request depends little on what else runs. Times do
 * depend on it; the last column says in how many rounds nothing disturbed.
 */
export const gatewayReport = ({ load, samples }: GatewayResult): string => {
  const sides = Object.entries(samples);
  const [[name, first] = ['', []]] = sides;
  const headings = ['side', 'CPU µs/request', 'requests/s', 'p50 ms', 'p99 ms', 'undisturbed'];
  const ratios = sides.slice(1).map(([other, beside]) => {
    const values = ratio(first, beside);
    const target = TARGETS[other];
    const judged = target === undefined ? '' : `; target ${target}×: ${median(values) <= target ? 'met' : 'MISSED'}`;
    return `${name} / ${other}: CPU ${spread(values)} ×${judged}`;
  });
  return [
    `\n${load}`,
    table(
      headings,
      sides.map(([side, taken]) => row(side, taken)),
    ),
    ...ratios,
  ].join('\n');
};
