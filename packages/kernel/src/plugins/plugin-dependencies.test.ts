import { expect, test } from 'vitest';
import { dependentsOf, missedRange, planStart, type PluginNeeds } from './plugin-dependencies.ts';

const plugin = (name: string, version: string, requires: Record<string, string> = {}, golek?: string): PluginNeeds => ({
  name,
  version,
  requires,
  ...(golek !== undefined && { golek }),
});

const refusals = (...plugins: PluginNeeds[]): string[] =>
  [...planStart(plugins, []).refused.values()].map(({ code, message }) => `${code} ${message}`);

test('each starts after what it needs, otherwise in the order given', () => {
  const plugins = [
    plugin('c', '1.0.0', { b: '^1', a: '*' }),
    plugin('d', '1.0.0'),
    plugin('b', '1.2.0', { a: '>=1' }),
    plugin('a', '1.0.0'),
  ];
  const { order, refused } = planStart(plugins, []);
  expect(order.map(({ name }) => name)).toEqual(['a', 'b', 'c', 'd']);
  expect(refused.size).toBe(0);
});

test('what runs already counts', () => {
  expect(planStart([plugin('b', '1.0.0', { a: '^2' })], [plugin('a', '2.1.0')]).refused.size).toBe(0);
});

test('a pre-release fits the range of its release', () => {
  expect(refusals(plugin('a', '1.1.0-beta.1'), plugin('b', '1.0.0', { a: '^1.0.0' }))).toEqual([]);
});

test('a missing plugin: both names, and the similar one', () => {
  expect(refusals(plugin('cache', '1.0.0', { rediss: '^1.0.0' }), plugin('redis', '1.0.0'))).toEqual([
    "plugin_invalid plugin 'cache' 1.0.0 needs 'rediss' ^1.0.0, which is not installed (installed and similar: 'redis')",
  ]);
});

test('a wrong version: both names and versions', () => {
  expect(refusals(plugin('cache', '1.0.0', { redis: '^2.0.0' }), plugin('redis', '1.4.0'))).toEqual([
    "plugin_invalid plugin 'cache' 1.0.0 needs 'redis' ^2.0.0, and 'redis' is 1.4.0; install a version of one that fits the other",
  ]);
});

test('a circle: every member, and who needs one of them', () => {
  const circle = [plugin('a', '1.0.0', { b: '*' }), plugin('b', '1.0.0', { c: '*' }), plugin('c', '1.0.0', { a: '*' })];
  const found = refusals(...circle, plugin('d', '1.0.0', { a: '*' }), plugin('e', '1.0.0'));
  expect(found).toHaveLength(4);
  expect(found[0]).toContain('plugins need each other in a circle: a → b → c → a');
  expect(found.at(-1)).toContain("plugin 'd' 1.0.0 needs 'a', which cannot start: plugins need each other in a circle");
});

test('one that needs itself is a circle', () => {
  expect(refusals(plugin('a', '1.0.0', { a: '*' }))[0]).toContain('a → a');
});

test('a contract that this runtime does not have', () => {
  expect(refusals(plugin('old', '1.0.0', {}, '^2.0.0'))[0]).toContain(
    "plugin 'old' 1.0.0 needs the plugin contract ^2.0.0, and this runtime has 1.",
  );
});

test('why another cannot be depended on', () => {
  const { refused } = planStart([plugin('b', '1.0.0', { a: '^1' })], [], new Map([['a', 'is disabled']]));
  expect([...refused.values()][0]?.message).toBe("plugin 'b' 1.0.0 needs 'a' ^1, which is disabled");
});

test('dependents come before what they need, also through others', () => {
  const plugins = [
    plugin('a', '1.0.0'),
    plugin('b', '1.0.0', { a: '*' }),
    plugin('c', '1.0.0', { b: '*', a: '*' }),
    plugin('d', '1.0.0'),
  ];
  expect(dependentsOf('a', plugins).map(({ name }) => name)).toEqual(['c', 'b']);
  expect(missedRange(plugin('b', '1.0.0', { a: '^1' }), plugin('a', '2.0.0'))).toBe('^1');
  expect(missedRange(plugin('b', '1.0.0', { a: '^1' }), plugin('a', '1.9.0'))).toBeUndefined();
});
