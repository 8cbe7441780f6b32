/** Options of the plugin, as they stand in Golek's configuration. */
export interface Options {
  /** How often a model repeats what it is told; default 1. */
  readonly times: number;
}

const MOST = 1_000;

/** Checks options and fills in what is absent. Throws an Error that names what is wrong. */
export const parseOptions = (raw: unknown): Options => {
  const { times = 1 } = (raw ?? {}) as Record<string, unknown>;
  if (typeof times !== 'number' || !Number.isInteger(times) || times < 1 || times > MOST) {
    throw new Error(`option 'times' is ${String(times)}; it has to be a whole number from 1 to ${MOST}`);
  }
  return { times };
};
