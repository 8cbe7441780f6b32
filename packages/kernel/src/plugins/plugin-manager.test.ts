import { GolekError } from '@golek/api';
import type { Authenticator, HttpRoute, PhaseContribution, TelemetryExporter } from '@golek/plugins-api';
import { fakeProvider } from '@golek/providers-spi/testing';
import { describe, expect, test } from 'vitest';
import { callOf, chatOf, eventsOf } from '../kernel.fixture.ts';
import { ChangingSource, pluginKernel, pluginOf } from './plugin-manager.fixture.ts';
import { programPlugin } from './plugin-source.ts';

const witness = (name: string, seen: string[]): PhaseContribution => ({
  phase: 'PRE_PROCESSING',
  name,
  intercept: (next) => (call) => {
    seen.push(name);
    return next(call);
  },
});

describe('start', () => {
  test('every extension point gets what a plugin adds, named, in one step when setup has ended', async () => {
    const { manager, extensions, events, engine } = await pluginKernel();
    const seen: string[] = [];
    const order: string[] = [];
    const route: HttpRoute = { method: 'GET', path: '/hello', handle: () => ({ body: 'hi' }) };
    const authenticator: Authenticator = { name: 'token', authenticate: () => undefined };
    const exporter: TelemetryExporter = { name: 'file' };
    const all = pluginOf('all', '1.2.3', async (host) => {
      host.phase(witness('see', seen));
      host.transform({ name: 'twice', request: (request) => ({ request }), stream: () => ({ event: (e) => [e] }) });
      host.provider(fakeProvider({ id: 'other' }));
      host.route(route);
      host.authenticator(authenticator);
      host.exporter(exporter);
      host.health(() => ({ status: 'degraded', reason: 'slow' }));
      host.onStart(() => void order.push(`start ${extensions.routes.items.length}`));
      host.onStop(() => void order.push('stop'));
      host.on(['plugin.started'], ({ event }) => void order.push(`heard ${event.type}`));
      await eventsOf(engine.run(callOf(chatOf('m'))));
    });
    manager.declare(programPlugin(all));
    await manager.startAll();
    expect(seen).toEqual([]);
    expect(order).toEqual(['start 0', 'heard plugin.started']);
    expect(extensions.routes.items).toEqual([route]);
    expect(extensions.authenticators.items).toEqual([authenticator]);
    await manager.checkHealth();
    expect(manager.status('all')).toMatchObject({
      state: 'running',
      version: '1.2.3',
      origin: 'program',
      health: { status: 'degraded', reason: 'slow' },
      contributes: {
        phases: ['all/see', 'all/twice.request', 'all/twice.stream'],
        providers: ['other'],
        routes: ['GET /hello'],
        authenticators: ['token'],
        exporters: ['file'],
      },
    });
    await eventsOf(engine.run(callOf(chatOf('m'))));
    expect(seen).toEqual(['see']);
    await manager.stop('all');
    expect(order.at(-1)).toBe('stop');
    for (const kind of ['routes', 'authenticators', 'exporters'] as const) expect(extensions[kind].items).toEqual([]);
    expect(extensions.phases.items.map(({ name }) => name)).toEqual(['golek.route']);
    expect(events.filter(({ type }) => type.startsWith('plugin')).map(({ type }) => type)).toEqual([
      'plugin.started',
      'plugin.health',
      'plugin.stopped',
    ]);
  });

  test('plugins start after what they need; one that fails takes those with it that need it, and no other', async () => {
    const { manager } = await pluginKernel();
    const started: string[] = [];
    const plugin = (name: string, requires: Record<string, string> = {}) =>
      programPlugin(pluginOf(name, '1.0.0', (host) => host.onStart(() => void started.push(name)), { requires }));
    const broken = new ChangingSource(() =>
      pluginOf('broken', '1.0.0', () => {
        throw new Error('no disk');
      }),
    );
    manager.declare(plugin('leaf', { broken: '*' }));
    manager.declare(plugin('top', { base: '^1' }));
    manager.declare(broken);
    manager.declare(plugin('base'));
    await manager.startAll();
    expect(started).toEqual(['base', 'top']);
    const found = Object.fromEntries(
      manager.list().map(({ name, state, lastError }) => [name, [state, lastError?.message]]),
    );
    expect(found).toEqual({
      leaf: [
        'failed',
        "plugin 'leaf' 1.0.0 needs 'broken' *, which failed: plugin 'broken' 1.0.0 could not start: no disk",
      ],
      top: ['running', undefined],
      broken: ['failed', "plugin 'broken' 1.0.0 could not start: no disk"],
      base: ['running', undefined],
    });
    expect(broken.released).toBe(1);

    broken.next = () => pluginOf('broken', '1.0.1', (host) => host.onStart(() => void started.push('repaired')));
    await manager.reload('broken');
    expect(started).toEqual(['base', 'top', 'repaired', 'leaf']);
    expect(manager.status('leaf')).toMatchObject({ state: 'running' });
  });

  test('setup that throws half-way leaves nothing behind', async () => {
    const { manager, extensions } = await pluginKernel();
    const provider = fakeProvider({ id: 'other' });
    const stopped: string[] = [];
    let aborted: unknown;
    const half = pluginOf('half', '1.0.0', (host) => {
      host.provider(provider);
      host.route({ method: 'GET', path: '/x', handle: () => ({}) });
      host.onStop(() => void stopped.push('first'));
      host.onStop(() => void stopped.push('second'));
      host.signal.addEventListener('abort', () => (aborted = host.signal.reason));
      throw new GolekError('plugin_failed', 'the database is not there');
    });
    manager.declare(programPlugin(half));
    await expect(manager.start('half')).rejects.toThrow('the database is not there');
    expect(stopped).toEqual(['second', 'first']);
    expect(aborted).toMatchObject({ message: 'the database is not there' });
    expect(await provider.health()).toMatchObject({ status: 'down' });
    expect(extensions.providers.items.map(({ id }) => id)).toEqual(['fake']);
    expect(extensions.routes.items).toEqual([]);
    expect(manager.status('half')).toMatchObject({ state: 'failed', contributes: {} });
  });

  test('what does not fit in changes nothing', async () => {
    const { manager, extensions } = await pluginKernel();
    const twin = fakeProvider({ id: 'fake' });
    manager.declare(
      programPlugin(
        pluginOf('twin', '1.0.0', (host) => {
          host.route({ method: 'GET', path: '/x', handle: () => ({}) });
          host.provider(twin);
        }),
      ),
    );
    await expect(manager.start('twin')).rejects.toMatchObject({
      code: 'plugin_invalid',
      message: "plugin 'twin' 1.0.0 does not fit in: two providers have the id 'fake'; each needs its own",
    });
    expect(extensions.routes.items).toEqual([]);
    expect(await twin.health()).toMatchObject({ status: 'down' });
  });

  test('a setup that never ends is given up, and registers nothing any more', async () => {
    const { manager, extensions } = await pluginKernel({ settings: { startLimitMs: 20 } });
    const later = Promise.withResolvers<undefined>();
    const late = Promise.withResolvers<unknown>();
    const slow = pluginOf('slow', '1.0.0', async (host) => {
      await later.promise;
      try {
        host.route({ method: 'GET', path: '/x', handle: () => ({}) });
      } catch (error) {
        late.resolve(error);
      }
    });
    manager.declare(programPlugin(slow));
    await expect(manager.start('slow')).rejects.toThrow("plugin 'slow' 1.0.0 did not start within 20 ms");
    later.resolve(undefined);
    expect(await late.promise).toMatchObject({ message: expect.stringContaining('after its setup has ended') });
    expect(extensions.routes.items).toEqual([]);
  });

  test.each<[object | undefined, string]>([
    [undefined, 'export definePlugin({ name, version, setup }) as default'],
    [{}, "its name is 'undefined'"],
    [{ name: 'x', version: '1', setup: () => undefined }, "its version is '1', which is no semantic version"],
    [{ name: 'x', version: '1.0.0' }, "it has no function 'setup'"],
    [{ name: 'y', version: '1.0.0', setup: () => undefined }, "it is named 'y' and its place says 'x'"],
    [{ name: 'x', version: '1.0.0', requires: { z: 'abc' }, setup: () => undefined }, "'requires.z' is 'abc'"],
    [{ name: 'x', version: '1.0.0', golek: '^2.0.0', setup: () => undefined }, 'needs the plugin contract ^2.0.0'],
  ])('refuses %o', async (value, message) => {
    const { manager } = await pluginKernel();
    manager.declare({ name: 'x', origin: 'x.ts', load: () => Promise.resolve({ plugin: value as never }) });
    await expect(manager.start('x')).rejects.toThrow(message);
    expect(manager.status('x').lastError?.code).toBe('plugin_invalid');
  });

  test('two of one name: both places', async () => {
    const { manager } = await pluginKernel();
    manager.declare({ ...programPlugin(pluginOf('x')), origin: 'a/x.ts' });
    expect(() => manager.declare({ ...programPlugin(pluginOf('x')), origin: 'b/x.ts' })).toThrow(
      "two plugins are named 'x': a/x.ts and b/x.ts",
    );
  });

  test('options are checked by the plugin, and named when they do not fit', async () => {
    const options = (raw: unknown): { ttl: number } => {
      const { ttl = 5 } = raw as { ttl?: number };
      if (ttl < 0) throw Object.assign(new Error('zod'), { issues: [{ path: ['ttl'], message: 'too small' }] });
      return { ttl };
    };
    const read: unknown[] = [];
    const plugin = pluginOf('p', '1.0.0', (host) => void read.push(host.options), { options: options as never });
    const given = { options: { p: {} as object, none: { a: 1 } } };
    const { manager } = await pluginKernel({ settings: given });
    manager.declare(programPlugin(plugin));
    manager.declare(programPlugin(pluginOf('none')));
    await manager.startAll();
    expect(read).toEqual([{ ttl: 5 }]);
    expect(manager.status('none').lastError?.message).toContain('takes no options; remove plugins.options.none');
    given.options.p = { ttl: -1 };
    await expect(manager.reload('p')).rejects.toThrow('(plugins.options.p): ttl: too small');
    expect(manager.status('p').state).toBe('running');
  });
});

describe('stop', () => {
  const chain = () => [
    programPlugin(pluginOf('base')),
    programPlugin(pluginOf('middle', '1.0.0', undefined, { requires: { base: '^1' } })),
    programPlugin(pluginOf('top', '1.0.0', undefined, { requires: { middle: '^1' } })),
  ];

  test('is refused for one that others need, and takes them with it when forced; they come back with it', async () => {
    const { manager, events } = await pluginKernel();
    for (const source of chain()) manager.declare(source);
    await manager.startAll();
    await expect(manager.stop('base')).rejects.toMatchObject({
      code: 'conflict',
      message: "plugin 'base' is needed by 'top', 'middle'; stop those first, or force it to stop them too",
    });
    events.length = 0;
    await manager.stop('base', { force: true });
    expect(events.map((event) => 'plugin' in event && event.plugin)).toEqual(['top', 'middle', 'base']);
    await expect(manager.stop('base')).rejects.toMatchObject({ code: 'conflict' });
    await manager.start('base');
    expect(manager.list().map(({ state }) => state)).toEqual(['running', 'running', 'running']);
  });

  test('a disabled plugin is not loaded, and starts when it is enabled', async () => {
    const { manager } = await pluginKernel();
    let loads = 0;
    const counted = new ChangingSource(() => pluginOf('p'));
    manager.declare({ name: 'p', origin: 'x', load: () => ((loads += 1), counted.load()) }, { disabled: true });
    await manager.startAll();
    await expect(manager.reload('p')).rejects.toThrow("plugin 'p' is disabled; enable it first");
    expect(loads).toBe(0);
    await manager.enable('p');
    expect(manager.status('p').state).toBe('running');
    await manager.disable('p');
    expect(manager.status('p').state).toBe('disabled');
    await manager.forget('p');
    expect(() => manager.status('p')).toThrow("no plugin is named 'p'");
  });

  test('a stop function that hangs or throws is reported and keeps nothing from stopping', async () => {
    const { manager } = await pluginKernel({ settings: { stopLimitMs: 20 } });
    const after: string[] = [];
    manager.declare(
      programPlugin(
        pluginOf('p', '1.0.0', (host) => {
          host.onStop(() => void after.push('last'));
          host.onStop(() => new Promise(() => undefined));
          host.onStop(() => {
            throw new Error('stuck');
          });
        }),
      ),
    );
    await manager.start('p');
    await manager.stop('p');
    expect(after).toEqual(['last']);
    expect(manager.status('p')).toMatchObject({
      state: 'stopped',
      lastError: {
        code: 'plugin_failed',
        message:
          "plugin 'p' did not stop well: stop function: stuck; stop function: took longer than 20 ms (plugins.stopLimitMs)",
      },
    });
  });

  test('waits for the calls that use the plugin, which is out of effect for new ones', async () => {
    const { manager, engine } = await pluginKernel({ models: { m: { answer: ['a', 'b', 'c'] } } });
    const seen: string[] = [];
    let stopped = false;
    manager.declare(
      programPlugin(
        pluginOf('p', '1.0.0', (host) => {
          host.phase(witness('see', seen));
          host.onStop(() => {
            stopped = true;
          });
        }),
      ),
    );
    await manager.start('p');
    const running = engine.run(callOf(chatOf('m')));
    await running.next();
    const stopping = manager.stop('p');
    await expect.poll(() => manager.status('p').state).toBe('stopping');
    await eventsOf(engine.run(callOf(chatOf('m'))));
    expect(manager.status('p').state).toBe('stopping');
    expect([seen, stopped]).toEqual([['see'], false]);
    await eventsOf(running);
    await stopping;
    expect(stopped).toBe(true);
  });

  test('a call that never ends does not keep a plugin for ever', async () => {
    const { manager, engine } = await pluginKernel({
      models: { m: { hang: { at: 1 } } },
      settings: { drainLimitMs: 20 },
    });
    manager.declare(programPlugin(pluginOf('p', '1.0.0', (host) => host.phase(witness('see', [])))));
    await manager.start('p');
    const running = engine.run(callOf(chatOf('m')));
    await running.next();
    await manager.stop('p');
    expect(manager.status('p').state).toBe('stopped');
    await running.return();
  });

  test('the end of the manager stops all, those that are needed last, and takes nothing new', async () => {
    const { manager, events } = await pluginKernel();
    for (const source of chain()) manager.declare(source);
    await manager.startAll();
    events.length = 0;
    await manager[Symbol.asyncDispose]();
    expect(events.map((event) => 'plugin' in event && event.plugin)).toEqual(['top', 'middle', 'base']);
    await expect(manager.start('base')).rejects.toMatchObject({ code: 'shutting_down' });
  });
});

describe('a health check', () => {
  test('that throws or hangs counts as down, and only a change is published', async () => {
    const { manager, events } = await pluginKernel({ settings: { healthLimitMs: 20 } });
    let check: () => never = () => {
      throw new Error('no connection');
    };
    manager.declare(programPlugin(pluginOf('p', '1.0.0', (host) => host.health(() => check()))));
    await manager.start('p');
    await manager.checkHealth();
    await manager.checkHealth();
    expect(manager.status('p').health).toEqual({ status: 'down', reason: 'no connection' });
    check = () => new Promise(() => undefined) as never;
    await manager.checkHealth();
    expect(manager.status('p').health?.reason).toBe('the health check did not answer within 20 ms');
    expect(events.filter(({ type }) => type === 'plugin.health')).toHaveLength(1);
  });
});

test('a plugin runs inferences of its own through all phases', async () => {
  const protocols: string[] = [];
  const { manager } = await pluginKernel({
    models: { m: { answer: ['yes'] } },
    phases: [
      {
        phase: 'AUDIT',
        name: 'audit',
        observe: (call) => {
          protocols.push(call.protocol);
          return undefined;
        },
      },
    ],
  });
  const texts: string[] = [];
  manager.declare(
    programPlugin(
      pluginOf('asks', '1.0.0', (host) =>
        host.onStart(async (signal) => {
          for await (const event of host.infer(chatOf('m'), { signal }))
            if (event.type === 'text') texts.push(event.text);
        }),
      ),
    ),
  );
  await manager.start('asks');
  expect([texts, protocols]).toEqual([['yes'], ['plugin:asks']]);
});
