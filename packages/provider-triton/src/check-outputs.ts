import { GolekError, type NamedTensor } from '@golek/providers-spi';

/** The outputs of one answer. Throws `provider_failed` where there are none, or one that was asked for is missing. */
export const checkOutputs = (outputs: NamedTensor[], wanted: readonly string[] | undefined): NamedTensor[] => {
  const missing = wanted?.find((name) => !outputs.some((tensor) => tensor.name === name));
  if (missing !== undefined)
    throw new GolekError(
      'provider_failed',
      `the server gave no output '${missing}'; it gave ${outputs.map(({ name }) => name).join(', ') || 'none'}`,
    );
  if (outputs.length === 0) throw new GolekError('provider_failed', 'the server gave no outputs');
  return outputs;
};
