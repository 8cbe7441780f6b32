import { mkdtemp, rename, rm, symlink, unlink, writeFile, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { inspect } from 'node:util';
import { GolekError, type LifecycleEvent } from '@golek/api';
import { MemoryKeyValueStore } from '@golek/core';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { z } from 'zod';
import { configSection } from './config-section.ts';
import { ConfigurationManager } from './configuration-manager.ts';
import type { Configuration } from './configuration.ts';
import { readConfigFile } from './read-config-file.ts';
import { resolveConfiguration } from './resolve-configuration.ts';
import type { ConfigurationLayers } from './resolve-layers.ts';
import { tenantsConfig } from './tenants-config.ts';

const limits = configSection(
  'limits',
  z
    .strictObject({
      low: z
        .int()
        .min(0)
        .max(100)
        .default(1)
        .meta({ live: true, overridable: ['tenant', 'request'] }),
      high: z
        .int()
        .min(0)
        .max(100)
        .default(50)
        .meta({ live: true, overridable: ['tenant'] }),
      workers: z.int().min(1).max(64).default(4),
    })
    .refine(({ low, high }) => low <= high, { path: ['low'], message: 'must not be above limits.high' }),
);
const routes = configSection(
  'routes',
  z.strictObject({
    list: z
      .array(z.strictObject({ name: z.string(), target: z.string() }))
      .default([])
      .meta({ live: true }),
  }),
);
const upstream = configSection(
  'upstream',
  z.strictObject({
    token: z.string().min(4).optional().meta({ secret: true, live: true }),
    list: z
      .array(z.strictObject({ name: z.string(), apiKey: z.string().min(4).optional().meta({ secret: true }) }))
      .default([])
      .meta({ live: true }),
  }),
);
const home = configSection('home', z.string().default('~/.golek').meta({ storable: false }));
const sections = [limits, routes, upstream, home, tenantsConfig];

const { signal } = new AbortController();

interface Bench {
  readonly configuration: Configuration;
  readonly manager: ConfigurationManager;
  readonly store: MemoryKeyValueStore;
  readonly events: LifecycleEvent[];
  readonly lines: unknown[];
}

const bench = (layers: Omit<ConfigurationLayers, 'sections'> = {}, file?: string): Bench => {
  const configuration = resolveConfiguration({ sections, ...layers });
  const events: LifecycleEvent[] = [];
  const lines: unknown[] = [];
  const line = (fields: object, message: string): void => void lines.push([fields, message]);
  const store = new MemoryKeyValueStore();
  const log = { debug: line, info: line, warn: line, error: line };
  const manager = new ConfigurationManager({
    configuration,
    log,
    store,
    file,
    publish: (event) => void events.push(event),
  });
  onTestFinished(() => manager[Symbol.asyncDispose]());
  return { configuration, manager, store, events, lines };
};

const yaml = (text: string) => ({ path: 'golek.yaml', text });

describe('set and unset', () => {
  test('a stored value beats file, environment and flag, takes effect at once, and gives way when it is unset', async () => {
    const { configuration, manager, events } = bench({
      file: yaml('limits: { low: 2 }\n'),
      environment: { GOLEK_LIMITS_LOW: '3' },
      flags: [{ key: 'limits.low', value: '4', flag: '--limits.low' }],
    });
    const change = await manager.set('limits.low', 5, { signal });
    expect(change).toEqual({ changed: ['limits.low'], restart: [], revision: expect.any(String) });
    expect(configuration.get(limits).low).toBe(5);
    expect(configuration.explain('limits.low')).toMatchObject({
      value: 5,
      layer: 'stored',
      source: 'stored in memory',
      revision: change.revision,
      overrides: [
        { value: 2, layer: 'file', source: 'golek.yaml:1:16' },
        { value: 3, layer: 'environment', source: 'GOLEK_LIMITS_LOW' },
        { value: 4, layer: 'flag', source: '--limits.low' },
      ],
    });
    expect(await manager.unset('limits.low', { signal })).toEqual({ changed: ['limits.low'], restart: [] });
    expect(configuration.explain('limits.low')).toMatchObject({ value: 4, layer: 'flag' });
    expect(await manager.unset('limits.low', { signal })).toEqual({ changed: [], restart: [] });
    expect(events).toEqual([
      { type: 'config.changed', keys: ['limits.low'], restart: [], source: 'set limits.low' },
      { type: 'config.changed', keys: ['limits.low'], restart: [], source: 'unset limits.low' },
    ]);
  });

  test('a key that is not live keeps its value until the restart, and says what waits', async () => {
    const { configuration, manager, store, events } = bench();
    expect(await manager.set('limits.workers', 8, { signal })).toMatchObject({
      changed: [],
      restart: ['limits.workers'],
    });
    expect(configuration.get(limits).workers).toBe(4);
    expect(configuration.explain('limits.workers')).toMatchObject({
      value: 4,
      layer: 'default',
      live: false,
      pending: { value: 8, layer: 'stored', source: 'stored in memory' },
    });
    expect(events).toEqual([
      { type: 'config.changed', keys: ['limits.workers'], restart: ['limits.workers'], source: 'set limits.workers' },
    ]);
    expect(await manager.set('limits.low', 2, { signal })).toMatchObject({ changed: ['limits.low'], restart: [] });
    expect(configuration.get(limits)).toEqual({ low: 2, high: 50, workers: 4 });
    const values = new Map([...(await store.list('config/', signal))].map(([key, value]) => [key.slice(7), value]));
    const after = resolveConfiguration({ sections, stored: { store: 'memory', values } });
    expect(after.get(limits)).toEqual({ low: 2, high: 50, workers: 8 });
    await manager.unset('limits.workers', { signal });
    expect(configuration.explain('limits.workers').pending).toBeUndefined();
  });

  test('revisions keep two deciders apart; changes come one after the other', async () => {
    const { configuration, manager } = bench();
    const first = await manager.set('limits.low', 5, { signal, expectedRevision: null });
    await expect(manager.set('limits.low', 6, { signal, expectedRevision: null })).rejects.toMatchObject({
      code: 'conflict',
      details: { revision: first.revision },
    });
    await manager.set('limits.low', 0, { signal, expectedRevision: first.revision });
    const raise = (present: unknown): number => (present as number) + 1;
    await Promise.all(Array.from({ length: 40 }, () => manager.change('limits.low', raise, { signal })));
    expect(configuration.get(limits).low).toBe(40);
  });

  test('what another process wrote to the store is taken over', async () => {
    const { configuration, manager, store } = bench();
    manager.start();
    await store.put('config/limits.high', 60, { signal });
    await vi.waitFor(() => expect(configuration.get(limits).high).toBe(60), 5000);
    await store.put('config/limits.high', 'many', { signal });
    await manager.set('limits.high', 70, { signal });
    expect(configuration.get(limits).high).toBe(70);
    await store.put('config/limits.ofNextYear', 1, { signal });
    await expect(manager.set('limits.high', 71, { signal })).rejects.toThrow(
      'remove it with: golek config unset limits.ofNextYear',
    );
    await manager.unset('limits.ofNextYear', { signal });
    await manager.set('limits.high', 71, { signal });
    expect(configuration.get(limits).high).toBe(71);
    await expect(manager.unset('limits.ofNextYear', { signal })).rejects.toMatchObject({ code: 'invalid_request' });
  });

  test.each([
    ['limits.lwo', 1, 'invalid_request', "no setting is named 'limits.lwo'; did you mean 'limits.low'?"],
    ['limits.low', 101, 'config_invalid', "stored in memory: 'limits.low' must be an integer from 0 to 100, got 101"],
    ['limits.low', 51, 'config_invalid', "stored in memory: 'limits.low': must not be above limits.high"],
    ['home', '/x', 'config_invalid', "'home' says where settings or code come from and cannot be stored"],
    ['upstream.token', 'hunter2', 'config_invalid', "'upstream.token' holds a secret, which is not stored in clear"],
    ['upstream.list', [{ name: 'a', apiKey: 'hunter2' }], 'config_invalid', 'which is not stored in clear'],
    ['upstream.token', 'env:NOT_SET', 'config_invalid', 'the environment variable NOT_SET is not set'],
    ['limits.low', undefined, 'invalid_request', "'limits.low' was given no value"],
  ])('%s = %j is refused, and everything stays as it was', async (key, value, code, message) => {
    const { configuration, manager, store, events } = bench({ file: yaml('limits: { low: 2 }\n') });
    const told = vi.fn();
    for (const section of sections) configuration.watch(section, told);
    const before = manager.list();
    const held = sections.map((section) => configuration.get(section));
    const refused = manager.set(key, value, { signal });
    await expect(refused).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
    await expect(refused).rejects.not.toThrow(/hunter2/);
    expect(manager.list()).toEqual(before);
    sections.forEach((section, index) => expect(configuration.get(section)).toBe(held[index]));
    expect(await store.list('', signal)).toEqual(new Map());
    expect(told).not.toHaveBeenCalled();
    expect(events.map(({ type }) => type)).toEqual(code === 'config_invalid' ? ['config.refused'] : []);
    expect(JSON.stringify(events)).not.toContain('hunter2');
  });

  test('a store that fails changes nothing', async () => {
    const { configuration, manager, store } = bench();
    vi.spyOn(store, 'put').mockRejectedValue(new Error('the disk is full'));
    await expect(manager.set('limits.low', 7, { signal })).rejects.toThrow('the disk is full');
    expect(configuration.get(limits).low).toBe(1);
    expect(configuration.explain('limits.low').layer).toBe('default');
  });
});

describe('consumers', () => {
  test('only readers of changed keys are told, with the names; one that fails does not stop the others', async () => {
    const { configuration, manager, lines } = bench();
    const told: string[] = [];
    configuration.watch(limits, () => {
      throw new Error('cannot');
    });
    configuration.watch(limits, ({ low }, changed) => told.push(`limits low=${low} ${changed.join()}`));
    configuration.watch(limits, () => told.push('high only'), { keys: ['high'] });
    configuration.watch(routes, () => told.push('routes'));
    const gone = configuration.watch(limits, () => told.push('gone'));
    gone[Symbol.dispose]();
    await manager.set('limits.low', 9, { signal });
    await manager.set('limits.low', 9, { signal });
    await manager.set('limits.high', 60, { signal });
    expect(told).toEqual(['limits low=9 limits.low', 'limits low=9 limits.high', 'high only']);
    expect(JSON.stringify(lines)).toContain('a reader of the configuration failed');
  });

  test('a consumer refuses what it cannot work with, at the place in the file; it sees the other new values', async () => {
    const { configuration, manager } = bench({ file: yaml('limits: { low: 2 }\n') });
    const check = configuration.check(routes, ({ list }, next) =>
      list.flatMap(({ target }, index) =>
        target === 'tiny' || next.get(limits).low === 3
          ? []
          : [
              {
                key: 'routes.list',
                path: [index, 'target'],
                message: `'routes.list' names '${target}', which is no model`,
              },
            ],
      ),
    );
    const text = 'routes:\n  list:\n    - { name: a, target: tiny }\n    - { name: b, target: huge }\n';
    expect(manager.try(text)).toMatchObject({
      valid: false,
      problems: [{ source: { file: 'golek.yaml', line: 4, column: 26 }, key: 'routes.list' }],
    });
    expect(manager.try(`limits: { low: 3 }\n${text}`)).toEqual({
      valid: true,
      changed: ['limits.low', 'routes.list'],
      restart: [],
    });
    expect(configuration.get(routes).list).toEqual([]);
    await expect(manager.set('routes.list', [{ name: 'a', target: 'x' }], { signal })).rejects.toThrow('is no model');
    check[Symbol.dispose]();
    await manager.set('routes.list', [{ name: 'a', target: 'x' }], { signal });
    expect(() => configuration.check(routes, () => [{ key: 'routes.list', message: 'never' }])).toThrow(
      'stored in memory: never',
    );
  });
});

describe('the file', () => {
  const folder = async (): Promise<string> => {
    const made = await mkdtemp(path.join(tmpdir(), 'golek-config-'));
    onTestFinished(() => rm(made, { recursive: true, force: true }));
    return made;
  };
  const WAIT = { timeout: 20_000, interval: 10 };

  const following = async (file: string): Promise<Bench> => {
    const made = bench({ file: await readConfigFile(file, { required: false }) }, file);
    made.manager.start();
    return made;
  };

  test('an edit takes effect; a mistake is told once with its place and changes nothing; so is a removal', async () => {
    const file = path.join(await folder(), 'golek.yaml');
    await writeFile(file, 'limits: { low: 2 }\n');
    const { configuration, events } = await following(file);
    await writeFile(file, 'limits: { low: 3 }\n');
    await vi.waitFor(() => expect(configuration.get(limits).low).toBe(3), WAIT);
    expect(configuration.explain('limits.low').source).toBe(`${file}:1:16`);
    const refusals = () => events.filter(({ type }) => type === 'config.refused');
    await writeFile(file, 'limits: { low: 3, hihg: 9 }\n');
    await vi.waitFor(() => expect(refusals()).toHaveLength(1), WAIT);
    expect(refusals()[0]).toEqual({
      type: 'config.refused',
      source: file,
      problems: [`${file}:1:19: unknown key 'limits.hihg'; did you mean 'limits.high'?`],
    });
    await unlink(file);
    await vi.waitFor(() => expect(refusals()).toHaveLength(2), WAIT);
    expect(refusals()[1]).toMatchObject({ problems: [`the configuration file ${file} does not exist`] });
    expect(configuration.get(limits)).toEqual({ low: 3, high: 50, workers: 4 });
    await writeFile(file, 'limits: { low: 4 }\n');
    await vi.waitFor(() => expect(configuration.get(limits).low).toBe(4), WAIT);
  });

  test('what was written between reading and starting is not missed', async () => {
    const file = path.join(await folder(), 'golek.yaml');
    await writeFile(file, 'limits: { low: 2 }\n');
    const { configuration, manager, store } = bench({ file: await readConfigFile(file, { required: true }) }, file);
    await writeFile(file, 'limits: { low: 3 }\n');
    await store.put('config/limits.high', 77, { signal });
    manager.start();
    await vi.waitFor(() => expect(configuration.get(limits)).toMatchObject({ low: 3, high: 77 }), WAIT);
  });

  test('a file that appears later is taken, and one that an editor renames into place', async () => {
    const base = await folder();
    const file = path.join(base, 'golek.yaml');
    const { configuration } = await following(file);
    await writeFile(`${file}.swp`, 'limits: { low: 7 }\n');
    await rename(`${file}.swp`, file);
    await vi.waitFor(() => expect(configuration.get(limits).low).toBe(7), WAIT);
    await writeFile(`${file}.swp`, 'limits: { low: 8 }\n');
    await rename(`${file}.swp`, file);
    await vi.waitFor(() => expect(configuration.get(limits).low).toBe(8), WAIT);
  });

  test('a ConfigMap of Kubernetes: the link to the folder of the version is swapped', async () => {
    const base = await folder();
    const version = async (name: string, low: number): Promise<void> => {
      await mkdir(path.join(base, name));
      await writeFile(path.join(base, name, 'golek.yaml'), `limits: { low: ${low} }\n`);
      await symlink(name, path.join(base, '..data_tmp'));
      await rename(path.join(base, '..data_tmp'), path.join(base, '..data'));
    };
    await version('..2026_1', 11);
    const file = path.join(base, 'golek.yaml');
    await symlink('..data/golek.yaml', file);
    const { configuration } = await following(file);
    expect(configuration.get(limits).low).toBe(11);
    await version('..2026_2', 12);
    await vi.waitFor(() => expect(configuration.get(limits).low).toBe(12), WAIT);
  });

  test('200 rapid edits, every third of them broken or half written, end in the last valid state', async () => {
    const file = path.join(await folder(), 'golek.yaml');
    await writeFile(file, 'limits: { low: 0 }\n');
    const { configuration, events } = await following(file);
    for (let edit = 1; edit <= 200; edit++) {
      const text = `limits:\n  low: ${edit % 50}\n  high: ${50 + (edit % 50)}\n`;
      await writeFile(file, edit % 3 === 0 ? text.slice(0, 14) + '[' : text);
    }
    await vi.waitFor(() => expect(configuration.get(limits)).toMatchObject({ low: 0, high: 50 }), WAIT);
    const last = 'limits: { low: 33, high: 34 }\n';
    await writeFile(file, last);
    await vi.waitFor(() => expect(configuration.get(limits)).toMatchObject({ low: 33, high: 34 }), WAIT);
    for (const event of events) if (event.type === 'config.changed') expect(event.keys).not.toContain('limits.workers');
  });

  test('a secret in a file is read again when that file changes', async () => {
    const base = await folder();
    const secret = path.join(base, 'token');
    const file = path.join(base, 'golek.yaml');
    await writeFile(secret, 'first-secret\n');
    await writeFile(file, `upstream: { token: "file:${secret}" }\n`);
    const { configuration } = await following(file);
    expect(configuration.get(upstream).token).toBe('first-secret');
    await writeFile(secret, 'second-secret\n');
    await vi.waitFor(() => expect(configuration.get(upstream).token).toBe('second-secret'), WAIT);
    await writeFile(secret, '');
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(configuration.get(upstream).token).toBe('second-secret');
  });
});

describe('tenants and requests', () => {
  const text = 'tenants:\n  acme: { limits.low: 7 }\n  beta: { limits.high: 60, limits.low: 55 }\n';

  test('have their own values where a key allows it; others share one object', () => {
    const { configuration } = bench({ file: yaml(text) });
    const shared = configuration.get(limits);
    expect(configuration.effective(limits, {})).toBe(shared);
    expect(configuration.effective(limits, { tenant: 'other' })).toBe(shared);
    expect(configuration.effective(routes, { tenant: 'acme' })).toBe(configuration.get(routes));
    const acme = configuration.effective(limits, { tenant: 'acme' });
    expect(acme).toEqual({ low: 7, high: 50, workers: 4 });
    expect(configuration.effective(limits, { tenant: 'acme' })).toBe(acme);
    const overrides = configuration.readOverrides('limits.low=9');
    expect(configuration.effective(limits, { tenant: 'beta', overrides })).toEqual({ low: 9, high: 60, workers: 4 });
    expect(configuration.explain('limits.low', { tenant: 'beta', overrides })).toMatchObject({
      value: 9,
      layer: 'request',
      overrides: [
        { value: 1, layer: 'default' },
        { value: 55, layer: 'tenant', source: 'tenant beta, golek.yaml:3:40' },
      ],
    });
    expect(() => configuration.effective(limits, { overrides: { 'limits.low': 99 } })).toThrow(
      "the settings of the request are refused: 'limits.low': must not be above limits.high",
    );
  });

  test('a change of the tenants takes effect at once', async () => {
    const { configuration, manager } = bench({ file: yaml(text) });
    await manager.set('tenants', { acme: { 'limits.low': 8 } }, { signal });
    expect(configuration.effective(limits, { tenant: 'acme' }).low).toBe(8);
    expect(configuration.effective(limits, { tenant: 'beta' })).toBe(configuration.get(limits));
  });

  test.each([
    ['{ limits.workers: 2 }', "golek.yaml:1:33: for the tenant 'a': 'limits.workers' cannot be set for a tenant"],
    [
      '{ limits.lwo: 2 }',
      "golek.yaml:1:29: for the tenant 'a': no setting is named 'limits.lwo'; did you mean 'limits.low'?",
    ],
    [
      '{ limits.low: x }',
      "golek.yaml:1:29: for the tenant 'a': 'limits.low' must be an integer from 0 to 100, got 'x'",
    ],
    ['{ limits.low: 60 }', "golek.yaml:1:15: for the tenant 'a': 'limits.low': must not be above limits.high"],
  ])('%s is refused for a tenant', (settings, message) => {
    expect(() => bench({ file: yaml(`tenants: { a: ${settings} }\n`) })).toThrow(message);
  });

  test.each([
    [
      'limits.high=3',
      "'limits.high' cannot be set by a request; it can be set for a tenant, in golek.yaml, as GOLEK_LIMITS_HIGH",
    ],
    ['limits.lo=3', "did you mean 'limits.low'?"],
    ['limits.low=x', "'limits.low' must be an integer from 0 to 100, got 'x'"],
    ['limits.low', "'limits.low' is not key=value"],
    ['{"limits.low":', 'not valid JSON'],
    [`limits.low=${'1'.repeat(5000)}`, 'more than 4096 characters'],
  ])('a request with %s is refused', (header, message) => {
    const { configuration } = bench();
    expect(() => configuration.readOverrides(header)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
    expect(() => configuration.readOverrides(header)).toThrow(message);
  });

  test('a request may bring JSON, and nothing', () => {
    const { configuration } = bench();
    expect(configuration.readOverrides('{"limits.low": 3}')).toEqual({ 'limits.low': 3 });
    expect(configuration.effective(limits, { overrides: configuration.readOverrides(' ; ') })).toBe(
      configuration.get(limits),
    );
  });
});

describe('secrets', () => {
  const SECRETS = ['hunter2-clear', 'hunter2-env', 'hunter2-list', 'hunter2-later'];
  const layers = {
    file: yaml(
      'upstream:\n  token: env:MY_TOKEN\n  list:\n    - { name: a, apiKey: hunter2-list }\n    - { name: b, apiKey: "env:MY_TOKEN" }\n',
    ),
    environment: { MY_TOKEN: 'hunter2-env', OTHER: 'hunter2-later' },
    flags: [{ key: 'upstream.token', value: 'env:MY_TOKEN', flag: '--upstream.token' }],
  };

  test('are given to the program and in no output', async () => {
    const { configuration, manager, store, events, lines } = bench(layers);
    const values = configuration.get(upstream);
    expect(values.token).toBe('hunter2-env');
    expect(values.list.map(({ apiKey }) => apiKey)).toEqual(['hunter2-list', 'hunter2-env']);
    await manager.set('upstream.token', 'env:OTHER', { signal });
    expect(configuration.get(upstream).token).toBe('hunter2-later');
    const failures: unknown[] = [];
    const tries = [
      () => manager.set('upstream.list', [{ name: 'a', apiKey: 'hunter2-clear', nope: 1 }], { signal }),
      () => manager.change('upstream.list', (present) => present, { signal }),
      () => manager.set('upstream.token', 'file:relative/hunter', { signal }),
      () => manager.set('upstream.token', ['hunter2-clear'], { signal }),
    ];
    for (const attempt of tries) await attempt().catch((thrown: unknown) => failures.push(thrown));
    expect(failures).toHaveLength(tries.length);
    const trials = [
      'upstream: { token: [hunter2-clear] }',
      'upstream: { token: !hunter2-clear x }',
      'upstream: { token: *hunter2-clear }',
      'upstream: { list: [{ name: a, apiKey: [hunter2-clear] }] }',
      'upstream: { list: [{ name: a, apiKey: "env:NO" }, { name: 3, apiKey: hunter2-clear }] }',
      'upstream: { list: { name: a, apiKey: hunter2-clear } }',
      'upstream: { list: [hunter2-clear] }',
      'upstream: { list: hunter2-clear }',
      'upstream: hunter2-clear',
    ].map((text) => manager.try(text));
    expect(trials.map(({ valid }) => valid)).toEqual(trials.map(() => false));
    for (const [variable, text] of [
      ['GOLEK_UPSTREAM_LIST', '[{"name":"a","apiKey":"hunter2-clear"'],
      ['GOLEK_UPSTREAM_LIST', '[{"name":"a","apiKey":["hunter2-clear"]}]'],
      ['GOLEK_UPSTREAM_TOKEN', 'h2'],
    ] as const) {
      try {
        resolveConfiguration({ sections, environment: { [variable]: text } });
        expect.unreachable();
      } catch (thrown) {
        failures.push(thrown);
      }
    }
    const outputs = [
      manager.list(),
      configuration.explain('upstream.token'),
      configuration.get(upstream),
      configuration.get(upstream).list.slice(0, 1),
      configuration.get(upstream).list[0],
      configuration,
      events,
      lines,
      await store.list('', signal),
      trials,
      failures,
      failures.map((failure) => GolekError.from(failure).toJSON()),
    ];
    for (const output of outputs) {
      const text = `${JSON.stringify(output)}${inspect(output, { depth: 20 })}`;
      for (const secret of SECRETS) expect(text).not.toContain(secret);
    }
    expect(configuration.explain('upstream.list').value).toEqual([
      { name: 'a', apiKey: '[secret]' },
      { name: 'b', apiKey: 'env:MY_TOKEN' },
    ]);
  });

  test('a missing one names key and reference', () => {
    const start = (token: string) => () => bench({ file: yaml(`upstream: { token: "${token}" }\n`) });
    expect(start('env:NONE')).toThrow(
      "golek.yaml:1:20: 'upstream.token' refers to env:NONE, but the environment variable NONE is not set",
    );
    expect(start('file:/no/such/file')).toThrow('refers to file:/no/such/file, which does not exist');
    expect(start('file:/tmp')).toThrow('refers to file:/tmp, which cannot be read (EISDIR)');
  });

  test('one that a higher layer beats need not be there', () => {
    const { configuration } = bench({
      file: yaml('upstream: { token: "env:NONE" }\n'),
      environment: { GOLEK_UPSTREAM_TOKEN: 'from-variable' },
    });
    expect(configuration.get(upstream).token).toBe('from-variable');
  });
});

test('whatever is written where: the highest layer that has a valid value wins, and refused changes change nothing', async () => {
  const value = fc.integer({ min: -5, max: 105 });
  const action = fc.oneof(
    fc.record({ type: fc.constant('set' as const), key: fc.constantFrom('low', 'high', 'workers'), value }),
    fc.record({ type: fc.constant('unset' as const), key: fc.constantFrom('low', 'high', 'workers') }),
  );
  const layer = fc.record(
    { low: fc.integer({ min: 0, max: 10 }), high: fc.integer({ min: 50, max: 100 }) },
    { requiredKeys: [] },
  );
  await fc.assert(
    fc.asyncProperty(
      layer,
      layer,
      layer,
      fc.array(action, { maxLength: 30 }),
      async (inFile, inEnvironment, inFlags, actions) => {
        const { configuration, manager } = bench({
          file: yaml(JSON.stringify({ limits: inFile })),
          environment: Object.fromEntries(
            Object.entries(inEnvironment).map(([key, written]) => [
              `GOLEK_LIMITS_${key.toUpperCase()}`,
              String(written),
            ]),
          ),
          flags: Object.entries(inFlags).map(([key, written]) => ({
            key: `limits.${key}`,
            value: written,
            flag: `--${key}`,
          })),
        });
        const below: Record<string, number> = { low: 1, high: 50, workers: 4, ...inFile, ...inEnvironment, ...inFlags };
        let stored: Record<string, number> = {};
        const expected = (): Record<string, number> => ({ ...below, ...stored, workers: 4 });
        for (const step of actions) {
          const { [step.key]: _replaced, ...others } = stored;
          const next: Record<string, number> = step.type === 'set' ? { ...others, [step.key]: step.value } : others;
          const { low = 0, high = 0, workers = 0 } = { ...below, ...next };
          const valid = low >= 0 && low <= high && high <= 100 && workers >= 1 && workers <= 64;
          const before = configuration.get(limits);
          const change =
            step.type === 'set'
              ? manager.set(`limits.${step.key}`, step.value, { signal })
              : manager.unset(`limits.${step.key}`, { signal });
          if (valid) {
            await change;
            stored = next;
          } else {
            await expect(change).rejects.toMatchObject({ code: 'config_invalid' });
            expect(configuration.get(limits)).toBe(before);
          }
          expect(configuration.get(limits)).toEqual(expected());
          const { pending } = configuration.explain('limits.workers');
          expect(pending?.value ?? 4).toBe(stored['workers'] ?? 4);
        }
      },
    ),
    { numRuns: 60 },
  );
});
