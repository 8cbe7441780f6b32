import { GolekError } from '@golek/providers-spi';

/** What the binding threw about a file. Whatever else is thrown while a model is loaded is a mistake in this program, and must not be told as one of the file. */
export class BindingRefusal extends Error {
  constructor(cause: unknown) {
    super('the binding refused', { cause });
  }
}

/** Does something in the binding that depends on a file. Throws what is a GolekError already, else `BindingRefusal`. */
export const ofFile = async <T>(work: () => T | Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (cause) {
    throw cause instanceof GolekError ? cause : new BindingRefusal(cause);
  }
};

/** Whether it was thrown by JavaScript itself, not by somebody who found something wrong. */
export const isMistake = (thrown: unknown): boolean =>
  thrown instanceof ReferenceError || thrown instanceof TypeError || thrown instanceof RangeError;
