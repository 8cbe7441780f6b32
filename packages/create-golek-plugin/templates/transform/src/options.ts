/** Options of the plugin, as they stand in Golek's configuration. */
export interface Options {
  /** What is put after each answer; default nothing. */
  readonly suffix: string;
}

/** Checks options and fills in what is absent. Throws an Error that names what is wrong. */
export const parseOptions = (raw: unknown): Options => {
  const given = (raw ?? {}) as Record<string, unknown>;
  if (typeof given !== 'object') throw new Error(`options have to be an object, not ${typeof given}`);
  for (const key of Object.keys(given)) {
    if (key !== 'suffix') throw new Error(`unknown option '${key}'; there is: suffix`);
  }
  const { suffix = '' } = given;
  if (typeof suffix !== 'string') throw new Error(`option 'suffix' has to be a text, not ${typeof suffix}`);
  return { suffix };
};
