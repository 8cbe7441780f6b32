/** One caller that the plugin knows. */
export interface Caller {
  readonly key: string;
  readonly id: string;
  readonly tenant: string;
  readonly scopes: readonly string[];
}

/** Options of the plugin, as they stand in Golek's configuration. */
export interface Options {
  readonly callers: readonly Caller[];
}

const SHORTEST_KEY = 16;

const parseCaller = (raw: unknown, index: number): Caller => {
  const { key, id, tenant = 'default', scopes = ['inference'] } = (raw ?? {}) as Record<string, unknown>;
  const wrong = (what: string): Error => new Error(`option 'callers.${index}' ${what}`);
  if (typeof key !== 'string' || key.length < SHORTEST_KEY)
    throw wrong(`needs a key of ${SHORTEST_KEY} characters or more`);
  if (typeof id !== 'string' || id === '') throw wrong('needs an id');
  if (typeof tenant !== 'string') throw wrong('has a tenant that is no text');
  if (!Array.isArray(scopes) || !scopes.every((scope) => typeof scope === 'string')) {
    throw wrong('has scopes that are no list of texts');
  }
  return { key, id, tenant, scopes };
};

/** Checks options. Throws an Error that names what is wrong; keys are never part of it. */
export const parseOptions = (raw: unknown): Options => {
  const { callers } = (raw ?? {}) as Record<string, unknown>;
  if (!Array.isArray(callers)) throw new Error("option 'callers' has to be a list of { key, id, tenant, scopes }");
  return { callers: callers.map(parseCaller) };
};
