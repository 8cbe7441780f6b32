// Inversify's peer, which it expects to be loaded before it.
import 'reflect-metadata/lite';
import { GolekError } from '@golek/api';
import { withinLimit } from '@golek/kernel';
import { Container } from 'inversify';
import type { ServiceNode } from './registration.ts';
import { isCollection, type ServiceToken } from './service-token.ts';
import { startOrder } from './start-order.ts';

/** A service that did not stop as it should. */
export interface StopFailure {
  readonly service: string;
  readonly error: unknown;
}

interface Live {
  readonly node: ServiceNode;
  readonly service: unknown;
}

/** Makes and starts the services of a registry, keeps them, and stops them in reverse order of their start. */
export class RunningServices {
  readonly #order: readonly ServiceNode[];
  readonly #container: Container;
  readonly #live: Live[] = [];

  /** Throws `composition_invalid` for missing needs and circles. */
  constructor(nodes: readonly ServiceNode[]) {
    this.#order = startOrder(nodes);
    this.#container = containerOf(this.#order);
  }

  /** Names of the services in start order. */
  get names(): readonly string[] {
    return this.#order.map((node) => node.name);
  }

  /** Makes and starts each service. When one fails, or the signal is aborted, those before it stay as they are: call `stop`. */
  async start(signal: AbortSignal): Promise<void> {
    for (const node of this.#order) {
      signal.throwIfAborted();
      try {
        const service: unknown = await this.#container.getAsync(node.id);
        this.#live.push({ node, service });
        await node.start?.(service as never, signal);
      } catch (thrown) {
        throw startFailure(node, thrown, signal);
      }
    }
  }

  /** Throws `composition_invalid` for a service that nobody registered or that is not made yet. */
  get<T>(token: ServiceToken<T>): T {
    const live = this.#live.filter(({ node }) => node.token.id === token.id).map(({ service }) => service);
    if (isCollection(token)) return live as T;
    if (live.length === 0) {
      const why = this.#order.some((node) => node.token.id === token.id)
        ? 'is not running: start the system first'
        : 'is registered by no module';
      throw new GolekError('composition_invalid', `service '${token.name}' ${why}`);
    }
    return live[0] as T;
  }

  /** Stops what runs, last started first, each within its limit. A failure does not keep the others from being stopped. */
  async stop(): Promise<readonly StopFailure[]> {
    const failures: StopFailure[] = [];
    for (let live = this.#live.pop(); live; live = this.#live.pop()) {
      const { node, service } = live;
      try {
        const stop = node.stop ? () => node.stop?.(service as never) : disposerOf(service);
        const late = (): Error => new Error(`service '${node.name}' did not stop within ${node.stopLimitMs} ms`);
        await withinLimit(stop, node.stopLimitMs, late);
      } catch (error) {
        failures.push({ service: node.name, error });
      }
    }
    return failures;
  }
}

const containerOf = (nodes: readonly ServiceNode[]): Container => {
  const container = new Container();
  for (const node of nodes) {
    const needs = node.needs.map((token) =>
      isCollection(token)
        ? { serviceIdentifier: token.id, isMultiple: true as const, optional: true as const }
        : { serviceIdentifier: token.id },
    );
    container
      .bind(node.id)
      .toResolvedValue(node.create as (...services: unknown[]) => unknown, needs)
      .inSingletonScope();
    if (isCollection(node.token)) container.bind(node.token.id).toService(node.id);
  }
  return container;
};

const startFailure = (node: ServiceNode, thrown: unknown, signal: AbortSignal): GolekError => {
  if (signal.aborted) return GolekError.from(signal.reason);
  if (thrown instanceof GolekError) return thrown;
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  return new GolekError('internal', `service '${node.name}' (module '${node.module}') could not start: ${reason}`, {
    cause: thrown,
  });
};

const disposerOf = (service: unknown): (() => void | PromiseLike<void>) => {
  const disposable = service as Partial<AsyncDisposable & Disposable> | null | undefined;
  return () => disposable?.[Symbol.asyncDispose]?.() ?? disposable?.[Symbol.dispose]?.();
};
