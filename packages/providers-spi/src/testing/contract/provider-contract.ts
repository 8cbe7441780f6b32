import type { ProviderContractSetup } from './contract-setup.ts';
import { INTERRUPTION_CHECKS } from './interruption-checks.ts';
import { LIFECYCLE_CHECKS } from './lifecycle-checks.ts';
import { runProviderCheck, type ProviderCheck } from './provider-check.ts';
import { STREAMING_CHECKS } from './streaming-checks.ts';

/** Every rule of the SPI that a provider is held to, for a test runner other than vitest. */
export const PROVIDER_CHECKS: readonly ProviderCheck[] = [
  ...STREAMING_CHECKS,
  ...INTERRUPTION_CHECKS,
  ...LIFECYCLE_CHECKS,
];

/**
 * Registers a vitest suite that holds a provider to the SPI. Call it with `await` at the top level of a test file: vitest is
 * imported only here, so that the fake provider works without it.
 *
 * @example await providerContract('my provider', { create: () => myProvider(), source, missing, request, longRequest });
 */
export const providerContract = async (name: string, setup: ProviderContractSetup): Promise<void> => {
  const { describe, it } = await import('vitest');
  const timeout = 2 * (setup.timeoutMs ?? 30_000);
  describe(`${name} keeps the provider contract`, () => {
    for (const check of PROVIDER_CHECKS) {
      it(check.name, { timeout }, async (context) => {
        const outcome = await runProviderCheck(check, setup);
        if (outcome) context.skip(outcome.skipped);
      });
    }
  });
};
