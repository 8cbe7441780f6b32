import { GolekError, type LifecycleEventType, type Principal, type Task } from '@golek/api';
import type { EventBus, ModelRegistry, SessionPool } from '@golek/kernel';
import {
  LIST_MODELS_TOOL,
  ListModelsArguments,
  modelDescription,
  parseArguments,
  toolResult,
  type ListModelsOutput,
  type ModelDescription,
} from '@golek/protocols/mcp';
import { visibleModel, visibleModels, type VisibleModel } from '../http/visible-models.ts';
import type { McpTool } from './mcp-tool.ts';

export interface McpModelsDeps {
  readonly models: Pick<ModelRegistry, 'list' | 'names' | 'resolve' | 'routes'>;
  readonly sessions: Pick<SessionPool, 'status'>;
  readonly events: Pick<EventBus, 'subscribe'>;
}

/** Something about the models is not as it was: which there are, or how one of them does. */
export type ModelChange = { readonly kind: 'list' } | { readonly kind: 'state'; readonly model: string };

const LIST_EVENTS: readonly LifecycleEventType[] = ['model.registered', 'model.unregistered', 'route.changed'];
const STATE_EVENTS: readonly LifecycleEventType[] = [
  'model.loading',
  'model.loaded',
  'model.failed',
  'model.unloaded',
  'model.health',
];

const describe = ({ manifest, targets, strategy }: VisibleModel): ModelDescription =>
  modelDescription(
    manifest,
    strategy === undefined ? undefined : { strategy, targets: targets.map(({ name }) => name) },
  );

/** The models that a caller may use, as tools and resources show them. */
export class McpModels {
  readonly #deps: McpModelsDeps;

  constructor(deps: McpModelsDeps) {
    this.#deps = deps;
  }

  list(principal: Principal, task?: Task): ModelDescription[] {
    return visibleModels(this.#deps.models, principal)
      .map(describe)
      .filter(({ tasks }) => task === undefined || tasks.includes(task));
  }

  /** One model with its state: `ready` when it is in memory; a route has none. Undefined for a name that the caller may not use. */
  describe(name: string, principal: Principal): (ModelDescription & { readonly state?: string }) | undefined {
    const { models, sessions } = this.#deps;
    let found: VisibleModel;
    try {
      found = visibleModel(models, name, principal);
    } catch (thrown) {
      if (thrown instanceof GolekError && thrown.code === 'model_not_found') return undefined;
      throw thrown;
    }
    const state = found.strategy === undefined ? sessions.status(found.manifest.name).state : undefined;
    return { ...describe(found), ...(state !== undefined && { state }) };
  }

  /** Tells of changes until the result is disposed of. */
  watch(listener: (change: ModelChange) => void): Disposable {
    return this.#deps.events.subscribe(
      ({ event }) => {
        if (LIST_EVENTS.includes(event.type)) listener({ kind: 'list' });
        else if ('model' in event) listener({ kind: 'state', model: event.model });
      },
      [...LIST_EVENTS, ...STATE_EVENTS],
    );
  }
}

export const listModelsTool = (models: McpModels): McpTool => ({
  definition: LIST_MODELS_TOOL,
  params: {},
  run: async (args, { caller }) => {
    const { task } = parseArguments(ListModelsArguments, args);
    const output: ListModelsOutput = { models: models.list(caller.principal, task) };
    return toolResult(output);
  },
});
