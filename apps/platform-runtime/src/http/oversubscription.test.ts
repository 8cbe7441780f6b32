import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Authenticator } from '@golek/plugins-api';
import { EXTENSIONS } from '@golek/system';
import { describe, expect, onTestFinished, test } from 'vitest';
import { composeServer } from '../compose-server.ts';
import { loadSettings } from '../config/platform-config.ts';
import { HTTP_SERVER } from '../modules/http-module.ts';

const SEQUENCES = 8;

/** The tenant is what the caller says it is. */
const tenants: Authenticator = {
  name: 'tenants',
  authenticate: ({ headers }) => {
    const tenant = /^Bearer (\w+)$/.exec(String(headers['authorization']))?.[1];
    return tenant === undefined ? undefined : { id: tenant, tenant, scopes: ['inference'] };
  },
};

interface Outcome {
  readonly tenant: string;
  readonly status: number;
  readonly code: string | undefined;
  readonly retryAfter: string | null;
  readonly ms: number;
}

/** A server with one model that has 8 sequences and so many places to wait; `ask` tells outcomes in the order in which they come. */
const started = async (queueLimit: number) => {
  const home = await mkdtemp(path.join(tmpdir(), 'golek-oversubscription-'));
  onTestFinished(() => rm(home, { recursive: true, force: true }));
  await writeFile(
    path.join(home, 'golek.yaml'),
    `gguf: { threads: 1, parallel: ${SEQUENCES}, contextSize: 256, queueLimit: ${queueLimit} }
reliability: { retry: { attempts: 1 } }
`,
  );
  const environment = { GOLEK_HOME: home, GOLEK_HTTP_PORT: '0', GOLEK_LOG_LEVEL: 'silent' };
  const { system } = await composeServer(await loadSettings({ environment }));
  onTestFinished(() => system.stop());
  await system.start();
  await system.get(EXTENSIONS).change({ authenticators: { remove: [], add: [tenants] } });
  const { url } = system.get(HTTP_SERVER).address;
  const outcomes: Outcome[] = [];
  const ask = async (tenant: string, prompt: string, headers: Readonly<Record<string, string>> = {}): Promise<void> => {
    const began = performance.now();
    const response = await fetch(`${url}/v1/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${tenant}`, ...headers },
      body: JSON.stringify({ model: 'golek-tiny', prompt, max_tokens: 40, ignore_eos: true, temperature: 0 }),
    });
    const { error } = (await response.json()) as { error?: { code: string } };
    const ms = performance.now() - began;
    const retryAfter = response.headers.get('retry-after');
    outcomes.push({ tenant, status: response.status, code: error?.code, retryAfter, ms });
  };
  // Loaded, and its speed known.
  for (let i = 0; i < 3; i++) await ask('warm', `Once ${i}`);
  outcomes.length = 0;
  return { ask, outcomes };
};

/** 64 requests, every so many-th of them of the tenant `two`, the others of `one`. */
const all = async (every: number, ask: (tenant: string, prompt: string) => Promise<void>): Promise<void> => {
  await Promise.all(Array.from({ length: 64 }, (_, i) => ask(i % every === 0 ? 'two' : 'one', `Story ${i} of`)));
};

const count = (outcomes: readonly Outcome[], tenant: string, status = 200): number =>
  outcomes.filter((outcome) => outcome.tenant === tenant && outcome.status === status).length;

describe('64 requests of two tenants for 8 sequences', () => {
  test('with room to wait, both get their share, however many one of them has sent', async () => {
    const { ask, outcomes } = await started(64);
    await all(4, ask);
    expect(outcomes.map(({ status }) => status)).toEqual(Array(64).fill(200));
    // Until the one that sent less was done, both had something to do, and got half each: 16 answers, give or take a tenth of these and what ran when it was done.
    const order = outcomes.map(({ tenant }) => tenant);
    const others = order.slice(0, order.lastIndexOf('two')).filter((tenant) => tenant === 'one').length;
    expect(others).toBeGreaterThanOrEqual(13);
    expect(others).toBeLessThanOrEqual(22);
  });

  test('with little room, the places are shared and the rest is told at once when to come again', async () => {
    const { ask, outcomes } = await started(16);
    await all(4, ask);
    const answered = count(outcomes, 'one') + count(outcomes, 'two');
    expect(answered).toBeGreaterThanOrEqual(SEQUENCES + 16);
    const refused = outcomes.filter(({ status }) => status !== 200);
    expect(refused.length).toBeGreaterThan(16);
    for (const { status, code, retryAfter } of refused) {
      expect([429, 503]).toContain(status);
      expect(['overloaded', 'rate_limited']).toContain(code);
      expect(Number(retryAfter)).toBeGreaterThan(0);
    }
    // Of the places to wait each has half, or all that it sent.
    expect(count(outcomes, 'two')).toBeGreaterThanOrEqual(8);
    const slowestRefusal = Math.max(...refused.map(({ ms }) => ms));
    const slowestAnswer = Math.max(...outcomes.filter(({ status }) => status === 200).map(({ ms }) => ms));
    expect(slowestRefusal).toBeLessThan(slowestAnswer);
  });

  test('none waits beyond its deadline', async () => {
    const { ask, outcomes } = await started(64);
    const limit = 150;
    await all(2, (tenant, prompt) => ask(tenant, prompt, { 'x-golek-timeout-ms': String(limit) }));
    expect(outcomes).toHaveLength(64);
    for (const { status, code } of outcomes)
      if (status !== 200) expect(['overloaded', 'deadline_exceeded']).toContain(code);
    expect(new Set(outcomes.map(({ status }) => status)).size).toBeGreaterThan(1);
    // Room for a machine with other things to do; nothing of this is near the time that all of them need.
    expect(Math.max(...outcomes.map(({ ms }) => ms))).toBeLessThan(limit + 5_000);
  });
});
