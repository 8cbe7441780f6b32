import type { AttributeValue } from '@golek/api';
import type { MetricData, MetricPoint } from '@golek/plugins-api';
import { ATTR, GOLEK_ATTR } from './semantic-conventions.ts';

/** Formats of Prometheus' exposition; `openmetrics` when the scraper asks for it. */
export type ExpositionFormat = 'text' | 'openmetrics';

export const EXPOSITION_TYPES: Readonly<Record<ExpositionFormat, string>> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/** The format that an `accept` header prefers. Text for whatever is neither. */
export const expositionFormat = (accept: string | undefined): ExpositionFormat => {
  const quality = (type: string): number => {
    const range = (accept ?? '').split(',').find((part) => part.trim().toLowerCase().startsWith(type));
    if (range === undefined) return 0;
    const q = /;\s*q=([0-9.]+)/i.exec(range)?.[1];
    return q === undefined ? 1 : Number(q);
  };
  const openMetrics = quality('application/openmetrics-text');
  return openMetrics > 0 && openMetrics >= quality('text/plain') ? 'openmetrics' : 'text';
};

/** Units as Prometheus writes them at the end of a name; annotations in braces have none. */
const UNITS: Readonly<Record<string, string>> = { s: 'seconds', By: 'bytes', '1': 'ratio' };

/** Labels that stand in nearly every query have short names; the others are their attribute's name with `_` for `.`. */
const LABELS: Readonly<Record<string, string>> = {
  [ATTR.requestModel]: 'model',
  [ATTR.provider]: 'provider',
  [ATTR.operation]: 'operation',
  [ATTR.errorType]: 'code',
  [GOLEK_ATTR.outcome]: 'outcome',
  [GOLEK_ATTR.state]: 'state',
  [ATTR.httpMethod]: 'method',
  [ATTR.httpRoute]: 'route',
  [ATTR.httpStatus]: 'status',
  [ATTR.rpcMethod]: 'method',
  [ATTR.rpcStatus]: 'status',
};

const sanitized = (name: string): string => name.replace(/[^a-zA-Z0-9_]/g, '_').replace(/^(?=[0-9])/, '_');

const labelName = (attribute: string): string => LABELS[attribute] ?? sanitized(attribute);

/** Name without the suffix that a kind of sample adds. */
const baseName = ({ name, unit, kind }: MetricData): string => {
  const plain = sanitized(name);
  const suffix = unit === '1' && kind !== 'gauge' ? undefined : UNITS[unit];
  const withUnit = suffix === undefined || plain.endsWith(`_${suffix}`) ? plain : `${plain}_${suffix}`;
  return kind === 'counter' ? withUnit.replace(/_total$/, '') : withUnit;
};

/** HELP of the text format escapes no quotes. */
const helpText = (text: string, format: ExpositionFormat): string =>
  format === 'openmetrics' ? escaped(text) : text.replace(/[\\\n]/g, (char) => (char === '\n' ? '\\n' : '\\\\'));

const escaped = (text: string): string => text.replace(/[\\"\n]/g, (char) => (char === '\n' ? '\\n' : `\\${char}`));

const valueText = (value: AttributeValue): string => (Array.isArray(value) ? value.join(',') : String(value));

const labelText = (attributes: MetricPoint['attributes'], extra = ''): string => {
  const labels = Object.entries(attributes).map(([name, value]) => `${labelName(name)}="${escaped(valueText(value))}"`);
  if (extra !== '') labels.push(extra);
  return labels.length === 0 ? '' : `{${labels.join(',')}}`;
};

const numberText = (value: number): string => {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
};

/** OpenMetrics wants bounds to be written as floating point numbers. */
const boundText = (bound: number, format: ExpositionFormat): string =>
  format === 'openmetrics' && Number.isInteger(bound) ? `${bound}.0` : String(bound);

const histogramLines = (base: string, metric: MetricData, point: MetricPoint, format: ExpositionFormat): string[] => {
  const { bounds = [] } = metric;
  const { count, sum, counts } = point.histogram ?? { count: 0, sum: 0, counts: [] };
  let below = 0;
  const buckets = bounds.map((bound, index) => {
    below += counts[index] ?? 0;
    return `${base}_bucket${labelText(point.attributes, `le="${boundText(bound, format)}"`)} ${below}`;
  });
  return [
    ...buckets,
    `${base}_bucket${labelText(point.attributes, 'le="+Inf"')} ${count}`,
    `${base}_sum${labelText(point.attributes)} ${numberText(sum)}`,
    `${base}_count${labelText(point.attributes)} ${count}`,
  ];
};

const metricLines = (metric: MetricData, format: ExpositionFormat): string[] => {
  const base = baseName(metric);
  const sample = metric.kind === 'counter' ? `${base}_total` : base;
  const named = format === 'openmetrics' ? base : sample;
  const unit = UNITS[metric.unit];
  return [
    `# TYPE ${named} ${metric.kind}`,
    ...(format === 'openmetrics' && unit !== undefined && base.endsWith(`_${unit}`) ? [`# UNIT ${named} ${unit}`] : []),
    `# HELP ${named} ${helpText(metric.description, format)}`,
    ...metric.points.flatMap((point) =>
      metric.kind === 'histogram'
        ? histogramLines(base, metric, point, format)
        : [`${sample}${labelText(point.attributes)} ${numberText(point.value ?? 0)}`],
    ),
  ];
};

/** Metrics as Prometheus reads them. */
export const prometheusText = (metrics: readonly MetricData[], format: ExpositionFormat): string => {
  const lines = metrics.flatMap((metric) => metricLines(metric, format));
  if (format === 'openmetrics') lines.push('# EOF');
  return `${lines.join('\n')}\n`;
};
