import { GolekError } from '@golek/api';
import type { Contribution, Registration, ServiceNode, ServiceRecipe, ServiceRegistrar } from './registration.ts';
import { isCollection, type ServiceToken } from './service-token.ts';

const STOP_LIMIT_MS = 10_000;

/** Replaces a registered service, for tests. */
export interface Override {
  readonly token: ServiceToken<unknown>;
  readonly value: unknown;
}

/** @example createSystem({ …, overrides: [override(CLOCK, fixedClock)] }) */
export const override = <T>(token: ServiceToken<T>, value: NoInfer<T>): Override => ({ token, value });

/** What the modules of a system registered. Knows how services are made, makes none. */
export class ServiceRegistry {
  readonly #nodes: ServiceNode[] = [];
  readonly #overrides = new Map<symbol, Override>();

  /** The view of one module, so that messages can name it. */
  registrar(module: string): ServiceRegistrar {
    return {
      register: (registration) => this.#add(this.#single(module, registration)),
      contribute: (contribution) => this.#add(contributed(module, contribution)),
      provide: (token, value) => this.#add(this.#single(module, { token, create: () => value, stop: () => undefined })),
    };
  }

  /** The value stands in for the service: it is neither started nor stopped, and what the service needed is not needed for it. */
  override(replacement: Override): void {
    this.#overrides.set(replacement.token.id, replacement);
  }

  /** All registrations in their order, overrides applied. Throws `composition_invalid` for an override of nothing. */
  nodes(): readonly ServiceNode[] {
    const known = new Set(this.#nodes.map((node) => node.token.id));
    for (const { token } of this.#overrides.values()) {
      if (!known.has(token.id)) {
        throw new GolekError(
          'composition_invalid',
          `the override of '${token.name}' replaces nothing: no module registers it`,
        );
      }
    }
    const kept = this.#nodes.filter((node) => !this.#overrides.has(node.token.id));
    return [...[...this.#overrides.values()].flatMap(overriding), ...kept];
  }

  #add(node: ServiceNode): void {
    this.#nodes.push(node);
  }

  #single<T, Needs extends readonly ServiceToken<unknown>[]>(
    module: string,
    registration: Registration<T, Needs>,
  ): ServiceNode {
    const { token } = registration;
    if (isCollection(token)) {
      throw new GolekError(
        'composition_invalid',
        `module '${module}' registers '${token.name}', which is a collection: contribute to it instead`,
      );
    }
    const other = this.#nodes.find((node) => node.token.id === token.id);
    if (other) {
      throw new GolekError(
        'composition_invalid',
        `modules '${other.module}' and '${module}' both register the service '${token.name}'; use one of them, or an override`,
      );
    }
    return { ...kept(registration), id: token.id, name: token.name, module, token };
  }
}

const contributed = <T, Needs extends readonly ServiceToken<unknown>[]>(
  module: string,
  contribution: Contribution<T, Needs>,
): ServiceNode => {
  const name = `${contribution.to.name}/${contribution.name}`;
  return { ...kept(contribution), id: Symbol(name), name, module, token: contribution.to };
};

const kept = <T, Needs extends readonly ServiceToken<unknown>[]>(
  recipe: ServiceRecipe<T, Needs>,
): Pick<ServiceNode, 'needs' | 'create' | 'start' | 'stop' | 'stopLimitMs'> => ({
  needs: recipe.needs ?? [],
  create: recipe.create,
  start: recipe.start,
  stop: recipe.stop,
  stopLimitMs: recipe.stopLimitMs ?? STOP_LIMIT_MS,
});

const overriding = ({ token, value }: Override): readonly ServiceNode[] => {
  const values = isCollection(token) ? (value as readonly unknown[]) : [value];
  return values.map((item) => ({
    id: isCollection(token) ? Symbol(token.name) : token.id,
    name: token.name,
    module: 'override',
    token: token,
    needs: [],
    create: () => item,
    start: undefined,
    stop: () => undefined,
    stopLimitMs: STOP_LIMIT_MS,
  }));
};
