import { setTimeout as sleep } from 'node:timers/promises';
import type { ModelSession, Provider } from '../../index.ts';
import type { ProviderContractSetup } from './contract-setup.ts';

const TIMEOUT_MS = 30_000;
const DISPOSE_MS = 10_000;

/** What a check works with: a fresh provider and the setup. */
export interface CheckBench {
  readonly setup: ProviderContractSetup;
  readonly provider: Provider;
  /** Aborted when the check's time is over. */
  readonly signal: AbortSignal;
  /** Opens `source`. */
  openModel(): Promise<ModelSession>;
}

/** One rule of the SPI. Independent of a test runner: `run` throws an AssertionError where the provider breaks the rule. */
export interface ProviderCheck {
  readonly name: string;
  /** Gives the reason when the check says nothing about this provider. */
  run(bench: CheckBench): Promise<{ readonly skipped: string } | undefined>;
}

/** The event loop stays free for the check, so a timer is enough to bound one that hangs. */
const within = async <T>(ms: number, what: string, work: Promise<T>): Promise<T> => {
  const done = new AbortController();
  const late = sleep(ms, undefined, { signal: done.signal }).then(
    () => Promise.reject(new Error(`${what} did not end within ${ms} ms`)),
    () => new Promise<never>(() => undefined),
  );
  try {
    return await Promise.race([work, late]);
  } finally {
    done.abort();
  }
};

/** Runs one check with a provider of its own. Throws what the check throws, or an Error when its time is over. */
export const runProviderCheck = async (
  check: ProviderCheck,
  setup: ProviderContractSetup,
): Promise<{ readonly skipped: string } | undefined> => {
  const provider = await setup.create();
  const over = new AbortController();
  const { source, timeoutMs = TIMEOUT_MS } = setup;
  const openModel = (): Promise<ModelSession> => provider.open(source, { signal: over.signal });
  const bench: CheckBench = { setup, provider, signal: over.signal, openModel };
  try {
    return await within(timeoutMs, `the check '${check.name}'`, check.run(bench));
  } finally {
    over.abort();
    await within(DISPOSE_MS, 'the disposal of the provider', Promise.resolve(provider[Symbol.asyncDispose]()));
  }
};
