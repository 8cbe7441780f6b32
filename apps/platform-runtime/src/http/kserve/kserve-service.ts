import { GolekError, type ModelManifest, type Principal } from '@golek/api';
import type { ModelEntry, ModelRegistry, SessionPool, UsageMeter } from '@golek/kernel';
import { VERSION, type IndexedModel, type ModelCounts } from '@golek/protocols/kserve';
import type { RuntimeState } from '../health.ts';
import { visibleModel, visibleModels } from '../visible-models.ts';

export interface KserveDeps {
  readonly models: Pick<ModelRegistry, 'list' | 'names' | 'resolve' | 'routes'>;
  readonly sessions: Pick<SessionPool, 'status' | 'load' | 'unload'>;
  readonly usage: Pick<UsageMeter, 'totals'>;
  readonly state: () => RuntimeState;
  readonly version: string;
}

/** What the KServe v2 protocol asks of a server beside inference, over HTTP and over gRPC. */
export class KserveService {
  readonly version: string;
  readonly #deps: KserveDeps;

  constructor(deps: KserveDeps) {
    this.version = deps.version;
    this.#deps = deps;
  }

  /** True when requests are taken. */
  get ready(): boolean {
    return this.#deps.state() === 'running';
  }

  /** Throws `model_not_found` for a model or a version that the caller may not name. */
  model(name: string, version: string, principal: Principal): ModelManifest {
    const { manifest } = visibleModel(this.#deps.models, name, principal);
    if (version === '' || version === VERSION) return manifest;
    throw new GolekError(
      'model_not_found',
      `model '${name}' has no version '${version.slice(0, 64)}'; its only one is ${VERSION}`,
    );
  }

  /** True when a request to the model would be tried: it is loaded, or its next request loads it. Throws `model_not_found`. */
  modelReady(name: string, version: string, principal: Principal): boolean {
    this.model(name, version, principal);
    const { targets } = visibleModel(this.#deps.models, name, principal);
    return this.ready && targets.some((target) => this.#deps.sessions.status(target.name).state !== 'failed');
  }

  /** The models (no routes: they are not loaded) that the caller may name. */
  index(principal: Principal): IndexedModel[] {
    const { models, sessions } = this.#deps;
    const seen = visibleModels(models, principal).flatMap(
      ({ manifest }) => models.resolve(manifest.name)?.manifest.name ?? [],
    );
    return [...new Set(seen)].map((name) => {
      const { state, error } = sessions.status(name);
      return { name, state, reason: error?.message };
    });
  }

  /** Counts of one model, or of all that the caller may name and that were asked. Throws `model_not_found`. */
  counts(name: string, version: string, principal: Principal): ModelCounts[] {
    const totals = this.#deps.usage.totals();
    const names =
      name === ''
        ? this.index(principal).map((model) => model.name)
        : [this.#entry(name, version, principal).manifest.name];
    return names.map((model) => ({
      name: model,
      completed: totals[model]?.completed ?? 0,
      failed: totals[model]?.failed ?? 0,
    }));
  }

  /** Throws what a load throws. */
  async load(name: string, principal: Principal, signal: AbortSignal): Promise<void> {
    await this.#deps.sessions.load(this.#entry(name, '', principal), signal);
  }

  async unload(name: string, principal: Principal, signal: AbortSignal): Promise<void> {
    await this.#deps.sessions.unload(this.#entry(name, '', principal).manifest.name, signal);
  }

  #entry(name: string, version: string, principal: Principal): ModelEntry {
    this.model(name, version, principal);
    const entry = this.#deps.models.resolve(name);
    if (entry) return entry;
    throw new GolekError('unsupported', `'${name}' is a route; name one of its models`);
  }
}
