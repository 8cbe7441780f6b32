import { GolekError } from '@golek/api';

/** The error that `act` throws. */
export const failure = (act: () => unknown): GolekError => {
  try {
    act();
  } catch (thrown) {
    if (thrown instanceof GolekError) return thrown;
    throw thrown;
  }
  throw new Error('nothing was thrown');
};
