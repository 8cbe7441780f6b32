import { fakeProvider } from '@golek/providers-spi/testing';
import { describe, expect, test } from 'vitest';
import { callOf, chatOf, eventsOf } from '../kernel.fixture.ts';
import { ChangingSource, pluginKernel, pluginOf } from './plugin-manager.fixture.ts';
import { programPlugin } from './plugin-source.ts';

const ANSWER = Array.from({ length: 24 }, (_, index) => `t${index} `);

describe('replacement', () => {
  test('32 streams without a pause while a plugin is replaced 50 times: every one is whole and of one version', async () => {
    const { manager, engine, events } = await pluginKernel({ models: { m: { answer: ANSWER, delayMs: 1 } } });
    let version = 0;
    const released: number[] = [];
    const source = new ChangingSource(() => {
      const own = version;
      return pluginOf('mark', `1.0.${own}`, (host) => {
        let open = 0;
        host.transform({
          name: 'mark',
          stream: () => {
            open += 1;
            return {
              event: (event) => (event.type === 'text' ? [{ ...event, text: `${own}:${event.text}` }] : [event]),
              end: () => ((open -= 1), []),
            };
          },
        });
        host.onStop(() => {
          // Nothing uses this version any more.
          expect(open).toBe(0);
          released.push(own);
        });
      });
    });
    manager.declare(source);
    await manager.startAll();
    let done = false;
    let streams = 0;
    const versions = new Set<string>();
    const client = async (): Promise<void> => {
      while (!done) {
        const all = await eventsOf(engine.run(callOf(chatOf('m'))));
        const parts = all.flatMap((event) => (event.type === 'text' ? [event.text.split(':')] : []));
        expect(parts.map(([, text]) => text)).toEqual(ANSWER);
        const own = new Set(parts.map(([mark]) => mark));
        expect(own.size).toBe(1);
        versions.add([...own].join());
        expect(all.at(-1)?.type).toBe('usage');
        streams += 1;
      }
    };
    const clients = Array.from({ length: 32 }, client);
    for (version = 1; version <= 50; version++) {
      await manager.reload('mark');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    done = true;
    await Promise.all(clients);
    expect(streams).toBeGreaterThan(32);
    expect(versions.size).toBeGreaterThan(3);
    expect(events.filter(({ type }) => type === 'plugin.replaced')).toHaveLength(50);
    await expect.poll(() => manager.status('mark').retiring).toBe(0);
    expect(released).toHaveLength(50);
    expect(source.released).toBe(50);
  });

  test('a provider of a plugin replaced under load: running streams stay on their session, new ones open on the new provider', async () => {
    const versions = [fakeProvider({ id: 'swapped', models: { m: { answer: ANSWER, delayMs: 1 } } })];
    const { manager, engine, sessions, registry } = await pluginKernel({ models: {} });
    const provider = () => versions[versions.length - 1]!;
    const source = new ChangingSource(() =>
      pluginOf('p', `1.0.${versions.length}`, (host) => host.provider(provider())),
    );
    manager.declare(source);
    await manager.startAll();
    const signal = new AbortController().signal;
    const model = { name: 'm', location: 'm' };
    registry.register({ source: model, manifest: await provider().inspect(model, { signal }) });
    let done = false;
    let streams = 0;
    const client = async (): Promise<void> => {
      while (!done) {
        const all = await eventsOf(engine.run(callOf(chatOf('m'))));
        expect(all.flatMap((event) => (event.type === 'text' ? [event.text] : []))).toEqual(ANSWER);
        streams += 1;
      }
    };
    const clients = Array.from({ length: 32 }, client);
    for (let round = 0; round < 20; round++) {
      versions.push(fakeProvider({ id: 'swapped', models: { m: { answer: ANSWER, delayMs: 1 } } }));
      await manager.reload('p');
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
    done = true;
    await Promise.all(clients);
    await eventsOf(engine.run(callOf(chatOf('m'))));
    expect(streams).toBeGreaterThan(32);
    await expect.poll(() => manager.status('p').retiring).toBe(0);
    for (const old of versions.slice(0, -1)) {
      expect(old.stats).toMatchObject({ openSessions: 0, active: 0 });
      expect(await old.health()).toMatchObject({ status: 'down' });
    }
    expect(provider().stats).toMatchObject({ opens: 1, openSessions: 1 });
    expect(versions.filter(({ stats }) => stats.runs > 0).length).toBeGreaterThan(3);

    await manager.stop('p');
    await expect(eventsOf(engine.run(callOf(chatOf('m'))))).rejects.toMatchObject({
      message: expect.stringContaining("model 'm' needs the provider 'swapped', which is not installed"),
    });
    expect(sessions.status('m').state).toBe('failed');
    expect(versions.at(-1)?.stats.openSessions).toBe(0);
  });

  test('a new version that fails leaves the old one as it was', async () => {
    const { manager, engine, extensions, events } = await pluginKernel();
    const stopped: string[] = [];
    const working = pluginOf('p', '1.0.0', (host) => {
      host.transform({ name: 't', request: (request) => ({ request: { ...request, user: 'old' } }) });
      host.onStop(() => void stopped.push('old'));
    });
    const source = new ChangingSource(() => working);
    manager.declare(source);
    await manager.startAll();
    const before = extensions.phases.items;
    source.next = () =>
      pluginOf('p', '2.0.0', (host) => {
        host.onStop(() => void stopped.push('new'));
        throw new Error('half-way');
      });
    await expect(manager.reload('p')).rejects.toThrow("plugin 'p' 2.0.0 could not start: half-way");
    expect(extensions.phases.items).toBe(before);
    expect(stopped).toEqual(['new']);
    expect(manager.status('p')).toMatchObject({
      state: 'running',
      version: '1.0.0',
      lastError: { code: 'plugin_failed' },
    });
    expect(events.at(-1)).toMatchObject({ type: 'plugin.failed', plugin: 'p', version: '2.0.0' });
    await eventsOf(engine.run(callOf(chatOf('m'))));

    source.next = () => working;
    await manager.reload('p');
    expect(manager.status('p').lastError).toBeUndefined();
  });

  test('takes the place of what it replaces', async () => {
    const { manager, extensions } = await pluginKernel();
    const plugin = (name: string, version: string) =>
      pluginOf(name, version, (host) => host.phase({ phase: 'AUDIT', name: 'watch', observe: () => undefined }));
    const first = new ChangingSource(() => plugin('a', '1.0.0'));
    manager.declare(first);
    manager.declare(programPlugin(plugin('b', '1.0.0')));
    await manager.startAll();
    first.next = () => plugin('a', '1.1.0');
    await manager.reload('a');
    expect(extensions.phases.items.map(({ name }) => name)).toEqual(['golek.route', 'a/watch', 'b/watch']);
  });

  test('must do for those that need the plugin, and not make a circle', async () => {
    const { manager } = await pluginKernel();
    const base = new ChangingSource(() => pluginOf('base', '1.0.0'));
    manager.declare(base);
    manager.declare(programPlugin(pluginOf('top', '1.0.0', undefined, { requires: { base: '^1.0.0' } })));
    await manager.startAll();
    base.next = () => pluginOf('base', '1.5.0');
    await manager.reload('base');
    base.next = () => pluginOf('base', '2.0.0');
    await expect(manager.reload('base')).rejects.toMatchObject({
      code: 'plugin_invalid',
      message: "plugin 'top' 1.0.0 needs 'base' ^1.0.0, and the new version is 2.0.0; 1.5.0 stays in effect",
    });
    base.next = () => pluginOf('base', '1.6.0', undefined, { requires: { top: '*' } });
    await expect(manager.reload('base')).rejects.toThrow('in a circle: base → top → base');
    expect(manager.list().map(({ state, version }) => [state, version])).toEqual([
      ['running', '1.5.0'],
      ['running', '1.0.0'],
    ]);
    expect(base.released).toBe(3);
  });

  test('calls that began two versions ago keep what they use', async () => {
    const { manager, engine } = await pluginKernel({ models: { m: { answer: ['a', 'b'] } } });
    const stopped: string[] = [];
    const make = (name: string) => {
      const source = new ChangingSource(() =>
        pluginOf(name, '1.0.0', (host) => {
          host.phase({ phase: 'PRE_PROCESSING', name: 'p', intercept: (next) => next });
          host.onStop(() => void stopped.push(name));
        }),
      );
      manager.declare(source);
    };
    make('a');
    make('b');
    await manager.startAll();
    const running = engine.run(callOf(chatOf('m')));
    await running.next();
    await manager.reload('b');
    await manager.reload('a');
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(stopped).toEqual([]);
    await eventsOf(running);
    await expect.poll(() => stopped.toSorted()).toEqual(['a', 'b']);
  });
});
