import pino from 'pino';
import { expect, test } from 'vitest';
import { createLogger } from './create-logger.ts';

const circular: Record<string, unknown> = { name: 'loop' };
circular['self'] = circular;

test.each([
  ['nothing more', {}],
  ['flat', { request: 'req_1', durationMs: 1.25, absent: undefined, none: null, yes: true }],
  ['with "quotes"\n', { 'a "quoted" key': 'a\nline\u0000', text: 'é\u2028' }],
  ['nested', { nested: { list: [1, { two: 2 }], date: new Date(0) }, nan: Number.NaN, run: () => 1 }],
  ['what JSON does not know', { big: { value: 12n } }],
  ['a circle', { circular }],
  ['an error', { err: new TypeError('boom'), request: 'req_1' }],
])('a line is what pino alone makes of it: %s', (message, fields) => {
  const lines: string[] = [];
  const stream = { write: (line: string) => void lines.push(line) };
  createLogger({ level: 'info', format: 'json', stream }).warn(fields, message);
  pino({ timestamp: () => ',"time":"x"' }, stream).warn(fields, message);
  const [made, expected] = lines.map((line) => ({ ...(JSON.parse(line) as object), time: 'x' }));
  expect(made).toEqual(expected);
  expect(lines[0]?.endsWith('}\n')).toBe(true);
  expect(lines[0]?.trimEnd()).not.toContain('\n');
});
