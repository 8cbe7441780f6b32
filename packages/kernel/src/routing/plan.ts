import { GolekError, nearest, type InferenceRequest } from '@golek/api';
import type { RoutingDecision } from '@golek/plugins-api';
import type { ModelEntry } from '../models/model-registry.ts';

/** What the router needs to know of the registered models. */
export interface Catalogue {
  resolve(name: string): ModelEntry | undefined;
  names(): string[];
}

const LISTED_NAMES = 20;

/**
 * Chooses the targets of a request. Pure: the same request and catalogue give the same decision.
 * Throws `model_not_found` with the nearest name and some known ones.
 */
export const plan = (request: InferenceRequest, catalogue: Catalogue): RoutingDecision => {
  const entry = catalogue.resolve(request.model);
  if (!entry) {
    const names = catalogue.names();
    const hint = nearest(request.model, names);
    throw new GolekError(
      'model_not_found',
      `no model or alias named '${request.model}'${hint ? `; did you mean '${hint}'?` : ''}`,
      {
        details: { model: request.model, known: names.slice(0, LISTED_NAMES) },
      },
    );
  }
  const { name, provider } = entry.manifest;
  return {
    route: request.model,
    targets: [{ model: name, provider }],
    reasons: [name === request.model ? `'${name}' is registered` : `'${request.model}' is an alias of '${name}'`],
  };
};
