import { collect, LOCAL_PRINCIPAL, SILENT_LOG, type GenerateRequest } from '@golek/api';
import { createCall, type TargetPolicy } from '@golek/kernel';
import { fakeProvider, type FakeModel } from '@golek/providers-spi/testing';
import {
  CONFIGURATION_MANAGER,
  ENGINE,
  EVENTS,
  PROVIDERS,
  policyFor,
  RELIABILITY,
  reliabilityConfig,
  resolveConfiguration,
} from '@golek/system';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { loadSettings, PLATFORM_SECTIONS } from '../config/platform-config.ts';
import { HTTP_SERVER, httpModule } from '../modules/http-module.ts';
import { createPlatform } from '../platform.ts';

const { signal } = new AbortController();
const failing = { at: 0, code: 'provider_failed', message: 'no answer' } as const;

const started = async (
  models: Readonly<Record<string, FakeModel>>,
  environment: Readonly<Record<string, string>> = {},
) => {
  const provider = fakeProvider({ models });
  const configuration = resolveConfiguration({
    sections: PLATFORM_SECTIONS,
    environment: { GOLEK_HTTP_PORT: '0', GOLEK_RELIABILITY_RETRY_MIN_DELAY_MS: '1', ...environment },
  });
  const { system } = createPlatform({
    configuration,
    log: SILENT_LOG,
    models: Object.keys(models).map((name) => ({ source: { name, location: name }, provider: 'fake' })),
    isolation: 'in-process',
    server: httpModule,
    modules: [
      {
        name: 'fake',
        register: (registrar) => registrar.contribute({ to: PROVIDERS, name: 'fake', create: () => provider }),
      },
    ],
  });
  onTestFinished(() => system.stop());
  await system.start();
  const request = (model: string): GenerateRequest => ({
    task: 'generate',
    model,
    input: { type: 'text', prompt: 'hi' },
  });
  const engine = system.get(ENGINE);
  return {
    provider,
    configuration,
    manager: system.get(CONFIGURATION_MANAGER),
    events: system.get(EVENTS),
    reliability: system.get(RELIABILITY),
    url: system.get(HTTP_SERVER).address.url,
    ask: (model: string, more: { tenant?: string; overrides?: Readonly<Record<string, unknown>> } = {}) => {
      const principal = { ...LOCAL_PRINCIPAL, tenant: more.tenant ?? 'default' };
      const call = createCall({ request: request(model), signal, principal });
      return collect(engine.run({ ...call, ...(more.overrides && { overrides: more.overrides }) }));
    },
  };
};

test('N configured attempts are N runs, through the whole platform, also after a change while it works', async () => {
  const { provider, manager, ask } = await started(
    { a: { fail: failing } },
    { GOLEK_RELIABILITY_RETRY_ATTEMPTS: '3', GOLEK_RELIABILITY_BREAKER_MODE: 'off' },
  );
  await expect(ask('a')).rejects.toMatchObject({ code: 'provider_failed' });
  expect(provider.stats.runs).toBe(3);
  await manager.set('reliability.retry.attempts', 1, { signal });
  await expect(ask('a')).rejects.toMatchObject({ code: 'provider_failed', details: undefined });
  expect(provider.stats.runs).toBe(4);
});

test('a breaker opens with an event, shows in the health and the list of targets, and is reset by hand', async () => {
  const { events, ask, url } = await started(
    { a: { fail: { ...failing, times: 2 } } },
    { GOLEK_RELIABILITY_RETRY_ATTEMPTS: '1', GOLEK_RELIABILITY_BREAKER_FAILURES: '2' },
  );
  const seen: string[] = [];
  using _ = events.subscribe(({ event }) => seen.push(event.type), ['breaker.opened', 'breaker.closed']);
  for (let call = 0; call < 2; call++) await ask('a').catch(() => undefined);
  await expect(ask('a')).rejects.toMatchObject({ code: 'breaker_open', retryAfter: 10 });
  const targets = await (await fetch(`${url}/admin/v1/targets`)).json();
  expect(targets).toMatchObject({
    targets: [
      {
        model: 'a',
        breaker: { state: 'open', failures: 2, lastError: { code: 'provider_failed' } },
        inFlight: 0,
        policy: { retry: { attempts: 1 }, breaker: { failures: 2 } },
      },
    ],
  });
  expect(await (await fetch(`${url}/health/ready`)).json()).toMatchObject({
    status: 'ready',
    problems: [{ part: 'target', name: 'a', status: 'down' }],
  });
  const reset = await fetch(`${url}/admin/v1/targets/a/reset`, { method: 'POST' });
  expect(await reset.json()).toMatchObject({ model: 'a', breaker: { state: 'closed', failures: 0 } });
  await ask('a');
  expect(seen).toEqual(['breaker.opened', 'breaker.closed']);
  const unknown = await fetch(`${url}/admin/v1/targets/aa/reset`, { method: 'POST' });
  expect(unknown.status).toBe(404);
  expect(await unknown.json()).toMatchObject({ error: { message: "no model is named 'aa'; did you mean 'a'?" } });
});

test('a change of one policy leaves the state of breakers and the calls in hand alone', async () => {
  const { manager, reliability, ask } = await started(
    { a: { fail: failing }, slow: { answer: ['x', 'y'], delayMs: 20 } },
    { GOLEK_RELIABILITY_RETRY_ATTEMPTS: '1', GOLEK_RELIABILITY_BREAKER_FAILURES: '1' },
  );
  await ask('a').catch(() => undefined);
  const running = ask('slow');
  const targets = [{ model: 'slow', bulkhead: { maxConcurrent: 1 }, timeouts: { firstTokenMs: 60_000 } }];
  expect(await manager.set('reliability.targets', targets, { signal })).toMatchObject({ restart: [] });
  const policyOf = (model: string): TargetPolicy | undefined =>
    reliability.states().find((state) => state.model === model)?.policy;
  expect(policyOf('slow')).toMatchObject({
    bulkhead: { maxConcurrent: 1, maxQueue: 256 },
    timeouts: { firstTokenMs: 60_000 },
  });
  expect(policyOf('a')?.bulkhead.maxConcurrent).toBeUndefined();
  await expect(ask('a')).rejects.toMatchObject({ code: 'breaker_open' });
  expect((await running).choices[0]?.text).toBe('xy');
});

test('a request shortens the time limit of its target, and cannot lengthen it', async () => {
  const { ask, configuration } = await started(
    { a: { hang: { at: 0 } } },
    { GOLEK_RELIABILITY_TIMEOUTS_TOTAL_MS: '300' },
  );
  const overrides = (ms: number) => configuration.readOverrides(`reliability.timeouts.totalMs=${ms}`);
  const within = (ms: number) => ({ code: 'deadline_exceeded', message: expect.stringContaining(`within ${ms} ms`) });
  await expect(ask('a', { overrides: overrides(30) })).rejects.toMatchObject(within(30));
  await expect(ask('a', { overrides: overrides(60_000) })).rejects.toMatchObject(within(300));
  await expect(ask('a')).rejects.toMatchObject(within(300));
});

test('DELETE ends a request in progress and frees what it held; the caller is told', async () => {
  const { url, provider } = await started({ a: { answer: ['x', 'y'], hang: { at: 1 } } });
  const response = await fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-request-id': 'mine' },
    body: JSON.stringify({ model: 'a', prompt: 'hi', stream: true }),
  });
  expect(provider.stats.active).toBe(1);
  const cancel = async (id: string) => (await fetch(`${url}/v1/requests/${id}`, { method: 'DELETE' })).json();
  expect(await cancel('other')).toEqual({ id: 'other', cancelled: 0 });
  expect(await cancel('mine')).toEqual({ id: 'mine', cancelled: 1 });
  const text = await response.text();
  expect(text).toContain("the request 'mine' was cancelled");
  expect(text).not.toContain('[DONE]');
  expect(provider.stats.active).toBe(0);
});

test('wrong settings are refused with their place', async () => {
  const { manager } = await started({ a: {} });
  const set = (targets: readonly object[]) => manager.set('reliability.targets', targets, { signal });
  await expect(set([{ retry: { attempts: 2 } }])).rejects.toMatchObject({
    code: 'config_invalid',
    message: expect.stringContaining('name a `model` or a `provider`'),
  });
  await expect(set([{ model: 'a', retry: { atempts: 2 } }])).rejects.toMatchObject({
    message: expect.stringContaining('attempts'),
  });
});

test('the example of the guide is a valid configuration', async () => {
  const guide = await readFile(path.join(import.meta.dirname, '../../../../docs/guide/reliability.md'), 'utf8');
  const yaml = /```yaml\n([^`]+)```/.exec(guide)?.[1] ?? '';
  const home = await mkdtemp(path.join(tmpdir(), 'golek-reliability-'));
  onTestFinished(() => rm(home, { recursive: true, force: true }));
  await writeFile(path.join(home, 'golek.yaml'), yaml);
  const { configuration } = await loadSettings({ environment: { GOLEK_HOME: home, CLOUD_KEY: 'k' } });
  const settings = configuration.get(reliabilityConfig);
  const policy = policyFor(settings, { name: 'remote', provider: 'cloud', device: 'remote' });
  expect(policy).toMatchObject({ retry: { attempts: 3 }, timeouts: { firstTokenMs: 8_000, totalMs: 30_000 } });
  expect(policyFor(settings, { name: 'local', provider: 'gguf' })).toMatchObject({
    retry: { attempts: 2 },
    bulkhead: { maxConcurrent: 16, maxConcurrentPerTenant: 8 },
  });
});
