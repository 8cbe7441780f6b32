import { execFileSync } from 'node:child_process';
import { GolekError } from '@golek/api';
import { expect, test } from 'vitest';
import { curlLine, serveBanner } from './serve-banner.ts';

const known = (...names: string[]) => ({
  models: names.map((name) => ({ source: { name, location: `/${name}` }, origin: 'configured' as const })),
  default: names[0],
  notes: [],
});
const url = 'http://127.0.0.1:1';

test('the first line is the address; the example uses a model that works', () => {
  const failed = new Map([['bad', new GolekError('model_invalid', 'cut short')]]);
  expect(serveBanner({ url, known: known('bad', 'good'), failed }).split('\n')).toEqual([
    'golek listens on http://127.0.0.1:1',
    'models: good',
    'cannot be used: bad: cut short [model_invalid]',
    curlLine(url, 'good'),
    '',
  ]);
});

test('without a model the remedy stands in place of the example', () => {
  expect(serveBanner({ url, known: known(), failed: new Map() })).toContain('models: none; name one with --model FILE');
});

test('the curl line is safe to paste whatever the name', () => {
  const name = `it's "odd" $(touch x)`;
  const printed = execFileSync('sh', ['-c', curlLine(url, name).replace(/^curl/, "printf '%s\\n'")], {
    encoding: 'utf8',
  });
  const body = JSON.parse(printed.trim().split('\n').at(-1) ?? '') as { model: string };
  expect(body.model).toBe(name);
});
