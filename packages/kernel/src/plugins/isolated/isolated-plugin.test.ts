import { readFileSync } from 'node:fs';
import { collect, type LifecycleEvent } from '@golek/api';
import type { Plugin } from '@golek/plugins-api';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { callOf, eventsOf, kernelOf } from '../../kernel.fixture.ts';
import { isolatedPlugin, type IsolatedPluginOptions } from './isolated-plugin.ts';
import { confinesNetwork } from './confinement.ts';
import { TestHost, UNTRUSTED } from './test-host.fixture.ts';

const signal = new AbortController().signal;

const isAlive = (pid: number): boolean => {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

const running: TestHost[] = [];

/** A plugin is asked who it is once for each set of options; what it says does not change. */
const asked = new Map<string, Promise<Plugin>>();

const pluginWith = (options: Partial<IsolatedPluginOptions>): Promise<Plugin> => {
  const key = JSON.stringify(options);
  const plugin = asked.get(key) ?? isolatedPlugin({ file: UNTRUSTED, signal, ...options });
  asked.set(key, plugin);
  return plugin;
};

const started = async (options: Partial<IsolatedPluginOptions> = {}, raw?: unknown) => {
  const plugin = await pluginWith(options);
  const test = new TestHost();
  running.push(test);
  await plugin.setup(test.host(raw));
  for (const start of test.starts) await start(signal);
  const kernel = await kernelOf({ m: { answer: (request) => [...promptOf(request).split(/(?<= )/)] } }, test.phases);
  const ask = async (prompt: string, caller = signal): Promise<string> => {
    const request = { task: 'generate', model: 'm', input: { type: 'text', prompt } } as const;
    return (await collect(kernel.engine.run(callOf(request, caller)))).choices[0]?.text ?? '';
  };
  return { plugin, test, ask, kernel };
};

const promptOf = (request: { readonly task: string; readonly input?: unknown }): string =>
  (request.input as { prompt: string }).prompt;

afterEach(async () => {
  for (const test of running.splice(0)) for (const stop of test.stops) await stop();
});

describe('a plugin in a process of its own', () => {
  it('says who it is before it runs', async () => {
    const plugin = await isolatedPlugin({ file: UNTRUSTED, signal });
    expect(plugin).toMatchObject({ name: 'untrusted', version: '1.2.3' });
    expect(plugin.options?.({ greeting: 'x' })).toEqual({ greeting: 'x' });
  });

  it('changes requests and events, answers itself, and keeps the order of events', async () => {
    const { ask } = await started();
    expect(await ask('one two three')).toBe('ONE TWO THREE MARKED');
    expect(await ask('answer me')).toBe('hello');
    expect(await ask('hold these words')).toBe('held: hold these words marked');
  });

  it('answers routes with whole bodies, with its options', async () => {
    const { test } = await started({}, { greeting: 'moin' });
    const answer = await test.post('echo', 'body', 'q=1');
    expect(answer).toEqual({ status: 201, headers: { 'x-tenant': 'acme' }, body: 'moin body 1' });
    expect(await test.text('stream')).toBe('ab');
  });

  it('authenticates, exports, listens, and tells its health', async () => {
    const { test } = await started();
    const authenticator = test.authenticators[0]!;
    const authenticate = async (headers: Record<string, string>) =>
      authenticator.authenticate({ headers, remoteAddress: '127.0.0.1' }, signal);
    expect(await authenticate({})).toBeUndefined();
    expect(await authenticate({ ticket: 'good' })).toEqual({ id: 'guest', tenant: 'theatre', scopes: ['inference'] });
    await expect(authenticate({ ticket: 'bad' })).rejects.toMatchObject({ code: 'unauthenticated' });
    await test.exporters[0]?.exportSpans?.([], signal);
    expect(await test.check()).toEqual({ status: 'ok' });
    const event: LifecycleEvent = { type: 'model.loaded', model: 'm', provider: 'p', durationMs: 1 };
    for (const listener of test.listeners) listener({ id: 1, time: '', node: 'n', event });
    await vi.waitFor(async () => expect(await test.check()).toEqual({ status: 'degraded', reason: 'a model came' }));
    expect(JSON.parse(await test.text('seen'))).toEqual(['started', 'spans 0', 'model.loaded']);
  });

  it('observes calls without being waited for', async () => {
    const { test, ask } = await started();
    await ask('one two');
    await vi.waitFor(async () => expect(await test.text('seen')).toMatch(/req_\w+ completed \d+/));
    expect(test.lines).toContainEqual({
      level: 'info',
      fields: { request: expect.stringMatching(/^req_/) },
      message: 'seen',
    });
  });

  it('refuses options in its own words', async () => {
    await expect(started({}, { greeting: 5 })).rejects.toMatchObject({
      code: 'config_invalid',
      message: "the options of plugin 'untrusted' are refused: greeting has to be a text",
    });
  });

  it('ends with its host', async () => {
    const { test } = await started();
    const pid = Number(await test.text('pid'));
    expect(isAlive(pid)).toBe(true);
    for (const stop of test.stops) await stop();
    expect(isAlive(pid)).toBe(false);
    await expect(test.post('pid')).rejects.toMatchObject({ code: 'shutting_down' });
    expect(test.lines).toContainEqual({
      level: 'debug',
      fields: { plugin: 'untrusted', pid, line: 'last words of the plugin' },
      message: 'plugin output',
    });
  });
});

describe('what its process may do', () => {
  it('is to compute and to read its own package', async () => {
    const { test } = await started();
    const denied = 'ERR_ACCESS_DENIED';
    const network = confinesNetwork() ? denied : expect.any(String);
    expect(JSON.parse(await test.text('confined'))).toEqual({
      'read a file of the system': denied,
      'read its own package': 'done',
      'write into its own package': denied,
      'link to a file of the system': denied,
      'start a program': denied,
      'start a thread': denied,
      connect: network,
      listen: network,
      'send a datagram': network,
      'resolve a name': network,
      'signal the server': denied,
      'start the debugger of the server': denied,
      'change the priority of the server': denied,
      'load an addon': 'ERR_DLOPEN_DISABLED',
      'open a database': 'ERR_UNKNOWN_BUILTIN_MODULE',
      'use internals': denied,
      'see the environment': 'empty',
    });
  });
});

describe('misbehaviour', () => {
  const cases: readonly (readonly [string, Record<string, unknown>])[] = [
    [
      'crash',
      { code: 'plugin_failed', message: expect.stringMatching(/'untrusted': process \d+ was killed by SIGABRT/) },
    ],
    ['exit', { code: 'plugin_failed', message: expect.stringContaining('ended with exit code 3') }],
    ['throw-outside', { code: 'plugin_failed', message: expect.stringContaining('ended with exit code') }],
    ['reject-outside', { code: 'plugin_failed', message: expect.stringContaining('ended with exit code') }],
    ['busy', { code: 'plugin_failed', message: expect.stringContaining("it took longer than 1000 ms for 'request'") }],
    ['never', { code: 'plugin_failed', message: expect.stringContaining("it took longer than 1000 ms for 'request'") }],
    ['memory', { code: 'plugin_failed' }],
    ['buffers', { code: 'plugin_failed' }],
    ['flood-messages', { code: 'plugin_failed', message: expect.stringContaining('it sent') }],
    [
      'giant-header',
      { code: 'plugin_failed', message: expect.stringContaining('it sent a message of 4294967295 bytes') },
    ],
    ['garbage', { code: 'plugin_failed', message: expect.stringContaining('it sent a message that cannot be read') }],
    ['giant-answer', { code: 'plugin_failed', message: expect.stringContaining('request_too_large') }],
    ['wrong-answer', { code: 'plugin_failed', message: expect.stringContaining('gave a request that is none') }],
    ['function-answer', { code: 'plugin_failed', message: expect.stringContaining('cannot be sent') }],
    ['throw', { code: 'plugin_failed', message: "plugin 'untrusted': RangeError: the plugin has a fault" }],
    ['refuse', { code: 'permission_denied', message: 'not before noon' }],
  ];

  it.each(cases)('%s fails the call in hand and no other', { timeout: 60_000 }, async (what, failure) => {
    const { ask, test } = await started({ limits: { hangMs: 1_500 } });
    const bad = ask(`do ${what}`).then(
      () => 'no failure',
      (error: unknown) => error,
    );
    const others = Array.from({ length: 10 }, (_, i) => ask(`request ${i}`));
    expect(await Promise.all(others)).toEqual(Array.from({ length: 10 }, (_, i) => `REQUEST ${i} MARKED`));
    expect(await bad).toMatchObject(failure);
    expect(await ask('again')).toBe('AGAIN MARKED');
    await vi.waitFor(async () => expect(await test.check()).toEqual({ status: 'ok' }));
  });

  it.each(['exit', 'garbage', 'reject-outside'])(
    '%s: what else was at work is asked again',
    { timeout: 60_000 },
    async (what) => {
      const { ask } = await started();
      const others = Array.from({ length: 10 }, (_, i) => ask(`do slow ${i}`));
      const bad = expect(ask(`do ${what}`)).rejects.toMatchObject({ code: 'plugin_failed' });
      expect(await Promise.all(others)).toEqual(Array.from({ length: 10 }, (_, i) => `DO SLOW ${i} MARKED`));
      await bad;
    },
  );

  it('prints a flood that is slowed down, not lost calls', async () => {
    const { ask } = await started();
    expect(await ask('do flood-stdout')).toBe('DO FLOOD-STDOUT MARKED');
  });

  it(
    'in a stream fails that answer; where the plugin is not critical, the rest goes on without it',
    { timeout: 60_000 },
    async () => {
      const strict = await started({ limits: { hangMs: 1_500 } });
      await expect(strict.ask('stream-throw b c d e')).rejects.toMatchObject({ code: 'plugin_failed' });
      await expect(strict.ask('stream-busy b c d e')).rejects.toMatchObject({ code: 'plugin_failed' });
      expect(await strict.ask('fine')).toBe('FINE MARKED');
      const tolerant = await started({ critical: false, limits: { hangMs: 1_500 } });
      expect((await tolerant.ask('stream-throw b c d e')).toLowerCase()).toBe('stream-throw b c d e marked');
      expect(await tolerant.ask('do throw')).toBe('DO THROW');
      expect(tolerant.test.lines.filter(({ level }) => level === 'error')).not.toEqual([]);
    },
  );

  it('is not waited for when the caller leaves', async () => {
    const { ask } = await started();
    const caller = new AbortController();
    const asked = ask('do never', caller.signal);
    setTimeout(() => caller.abort(), 50);
    await expect(asked).rejects.toMatchObject({ code: 'cancelled' });
    expect(await ask('next')).toBe('NEXT MARKED');
  });

  it('over and over delays the restart and says when to come back', { timeout: 60_000 }, async () => {
    const { ask, test } = await started({ limits: { restartDelayMs: 60_000, waitMs: 8_000 } });
    for (let i = 0; i < 2; i++) await expect(ask('do exit')).rejects.toMatchObject({ code: 'plugin_failed' });
    await expect(ask('late')).rejects.toMatchObject({ code: 'plugin_failed', retryAfter: expect.any(Number) });
    expect(await test.check()).toMatchObject({ status: 'down' });
  });
});

it('gives events as they come, not at the end', async () => {
  const { kernel } = await started();
  const request = { task: 'generate', model: 'm', input: { type: 'text', prompt: 'a b c' } } as const;
  const events = await eventsOf(kernel.engine.run(callOf(request)));
  expect(events.map(({ type }) => type)).toEqual(['start', 'text', 'text', 'text', 'text', 'finish', 'usage']);
});
