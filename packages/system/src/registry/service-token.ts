/**
 * The name of a service and, at compile time, its type. Two tokens are never equal, also when their names are: import the token from
 * the module that made it.
 */
export interface ServiceToken<T> {
  readonly name: string;
  readonly id: symbol;
  /** Carries the type only; never set. */
  readonly service?: T;
}

/** A token to which any number of modules contribute; whoever needs it gets them all, in order of registration. */
export interface CollectionToken<T> extends ServiceToken<readonly T[]> {
  readonly collection: true;
}

/** The services of a list of tokens, in its order. */
export type ServicesOf<Tokens extends readonly ServiceToken<unknown>[]> = {
  [Index in keyof Tokens]: Tokens[Index] extends ServiceToken<infer T> ? T : never;
};

/** @example export const CLOCK = serviceToken<Clock>('clock'); */
export const serviceToken = <T>(name: string): ServiceToken<T> => Object.freeze({ name, id: Symbol(name) });

/** @example export const EXPORTERS = collectionToken<Exporter>('exporters'); */
export const collectionToken = <T>(name: string): CollectionToken<T> =>
  Object.freeze({ name, id: Symbol(name), collection: true });

export const isCollection = (token: ServiceToken<unknown>): token is CollectionToken<unknown> => 'collection' in token;
