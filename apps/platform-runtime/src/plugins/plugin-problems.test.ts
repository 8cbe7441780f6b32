import { GolekError } from '@golek/api';
import { expect, test } from 'vitest';
import { pluginProblems } from './plugin-problems.ts';

test('names the plugins that limp', () => {
  const lastError = new GolekError('plugin_failed', 'setup threw').toJSON();
  expect(
    pluginProblems([
      { name: 'good', state: 'running', health: { status: 'ok' } },
      { name: 'broken', state: 'failed', lastError },
      { name: 'old', state: 'running', lastError },
      { name: 'ill', state: 'running', health: { status: 'degraded', reason: 'no disk' } },
    ]),
  ).toEqual([
    { part: 'plugin', name: 'broken', status: 'down', reason: 'setup threw' },
    { part: 'plugin', name: 'old', status: 'degraded', reason: 'setup threw' },
    { part: 'plugin', name: 'ill', status: 'degraded', reason: 'no disk' },
  ]);
});
