import { resolveConfiguration } from '@golek/system';
import { expect, test } from 'vitest';
import { modelsConfig } from '../config/models-config.ts';
import { PLATFORM_SECTIONS } from '../config/platform-config.ts';
import { lifeSettings, memoryOfMachine, parseKeepAlive } from './life-settings.ts';

const settings = (text: string) => {
  const file = { path: 'golek.yaml', text };
  return lifeSettings(resolveConfiguration({ sections: PLATFORM_SECTIONS, file, environment: {} }).get(modelsConfig));
};

test('models stay by default, within what the machine has', () => {
  const { maxLoaded, memoryBytes, lifeOf } = settings('{}');
  expect([maxLoaded, memoryBytes]).toEqual([Infinity, memoryOfMachine()]);
  expect(lifeOf('m')).toEqual({ keepAliveMs: Infinity, pinned: false });
});

test('a model of the list may have its own', () => {
  const { lifeOf, maxLoaded, memoryBytes } = settings(`models:
  keepAlive: 5m
  maxLoaded: 2
  memoryLimitBytes: 1000
  list:
    - { name: a, path: a.gguf, keepAlive: 0 }
    - { name: b, path: b.gguf, pinned: true }
    - { name: c, path: c.gguf, keepAlive: -1 }`);
  expect([maxLoaded, memoryBytes]).toEqual([2, 1000]);
  expect(['a', 'b', 'c', 'd'].map(lifeOf)).toEqual([
    { keepAliveMs: 0, pinned: false },
    { keepAliveMs: 300_000, pinned: true },
    { keepAliveMs: Infinity, pinned: false },
    { keepAliveMs: 300_000, pinned: false },
  ]);
});

test('what is no time is refused, naming the forms', () => {
  expect(() => settings('models: { keepAlive: soon }')).toThrow("a keep-alive time is a duration such as '90s'");
  expect(() => parseKeepAlive('soon')).toThrow("'soon' is no keep-alive time");
});

test('a control group with less than the machine counts', () => {
  expect([memoryOfMachine(100, 0), memoryOfMachine(100, 40), memoryOfMachine(100, 2 ** 63)]).toEqual([100, 40, 100]);
});
