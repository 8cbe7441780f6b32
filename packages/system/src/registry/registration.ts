import type { CollectionToken, ServiceToken, ServicesOf } from './service-token.ts';

/** How a service is made, started and stopped. */
export interface ServiceRecipe<T, Needs extends readonly ServiceToken<unknown>[]> {
  /** Services that are started before this one and stopped after it; handed to `create` in this order. */
  readonly needs?: Needs;
  readonly create: (...services: ServicesOf<Needs>) => T | Promise<T>;
  /** Called once after `create`. The signal is aborted when the system shall stop while it starts. */
  readonly start?: (service: T, signal: AbortSignal) => void | Promise<void>;
  /**
   * Called once, also when `start` failed. Default: the service's own `[Symbol.asyncDispose]` or `[Symbol.dispose]`,
   * where it has one.
   */
  readonly stop?: (service: T) => void | Promise<void>;
  /** Milliseconds that `stop` may take before the next service is stopped; default 10,000. */
  readonly stopLimitMs?: number;
}

export interface Registration<T, Needs extends readonly ServiceToken<unknown>[]> extends ServiceRecipe<T, Needs> {
  readonly token: ServiceToken<T>;
}

export interface Contribution<T, Needs extends readonly ServiceToken<unknown>[]> extends ServiceRecipe<T, Needs> {
  readonly to: CollectionToken<T>;
  /** Names the contribution in errors and logs. */
  readonly name: string;
}

/** What a module may do when it registers its services. */
export interface ServiceRegistrar {
  /** Throws `composition_invalid` when the token has a service already. */
  register<T, const Needs extends readonly ServiceToken<unknown>[] = readonly []>(
    registration: Registration<T, Needs>,
  ): void;
  /** Adds one to a collection. */
  contribute<T, const Needs extends readonly ServiceToken<unknown>[] = readonly []>(
    contribution: Contribution<T, Needs>,
  ): void;
  /** Registers a value that exists already and that its owner releases. */
  provide<T>(token: ServiceToken<T>, value: T): void;
}

/** A registration as the registry keeps it: types gone, names kept for messages. */
export interface ServiceNode {
  readonly id: symbol;
  readonly name: string;
  /** Name of the module that registered it. */
  readonly module: string;
  /** The token under which others ask for it. */
  readonly token: ServiceToken<unknown>;
  readonly needs: readonly ServiceToken<unknown>[];
  readonly create: (...services: never[]) => unknown;
  readonly start: ((service: never, signal: AbortSignal) => void | Promise<void>) | undefined;
  readonly stop: ((service: never) => void | Promise<void>) | undefined;
  readonly stopLimitMs: number;
}
