import { GolekError } from '@golek/api';
import type { ExtensionPoint, SessionPool } from '@golek/kernel';
import type { Log } from '@golek/plugins-api';
import type { Provider } from '@golek/providers-spi';
import type { Configuration } from '@golek/system';
import { modelsConfig } from '../config/models-config.ts';
import { routesConfig } from '../config/routes-config.ts';
import { configuredModels } from './configured-models.ts';
import type { ModelCatalogue } from './model-catalogue.ts';
import { sameModel, type PlatformModel } from './platform-model.ts';
import type { LeftOutModel } from './select-listed.ts';
import { servedModels, type ServedModels } from './served-models.ts';
import type { UpstreamLists } from './upstream-lists.ts';

export interface ModelFollowerOptions {
  /** Models that the catalogue has at the start. */
  readonly models: readonly PlatformModel[];
  readonly catalogue: ModelCatalogue;
  readonly lists: UpstreamLists;
  readonly sessions: Pick<SessionPool, 'unload'>;
  readonly providers: ExtensionPoint<Provider>;
  readonly configuration: Configuration;
  readonly file: string | undefined;
  readonly log: Log;
}

/** Listed models that are looked at in one step: an upstream that is slow to say what they are lets other changes through between the steps. */
const AT_ONCE = 32;

/** Keeps the catalogue at what `models.list`, the lists of upstreams and the providers are now. */
export class ModelFollower implements AsyncDisposable {
  readonly #options: ModelFollowerOptions;
  /** Files and bundled models: they are looked for at the start only. */
  readonly #own: readonly PlatformModel[];
  readonly #stopping = new AbortController();
  readonly #following = new DisposableStack();
  /** What the catalogue was told to have, by name. */
  #present: Map<string, PlatformModel>;
  /** Names of models that could not be used when they were looked at last; they are looked at again with each list of their upstream. */
  readonly #again = new Set<string>();
  #leftOut: readonly LeftOutModel[] = [];
  #last: Promise<void> = Promise.resolve();

  constructor(options: ModelFollowerOptions) {
    this.#options = options;
    const configured = this.#configured();
    const named = new Set(configured.map(({ source }) => source.name));
    this.#own = options.models.filter(({ source, provider }) => provider === undefined && !named.has(source.name));
    this.#present = byName([...configured, ...this.#own]);
  }

  /** Models that upstreams list and that are not served, and why. */
  get leftOut(): readonly LeftOutModel[] {
    return this.#leftOut;
  }

  /** Resolves when the upstreams' lists were read once, or after two seconds. */
  async start(signal: AbortSignal): Promise<void> {
    const { configuration, providers, catalogue, lists } = this.#options;
    const follow = (): void => void this.#follow();
    this.#following.use(configuration.watch(modelsConfig, follow, { keys: ['list'] }));
    this.#following.use(configuration.watch(routesConfig, follow));
    this.#following.use(
      providers.consume({ apply: (items) => this.#soon((ends) => catalogue.useProviders(items, ends)) }),
    );
    await lists.follow((upstream) => this.#listed(upstream), signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#following.dispose();
    this.#stopping.abort(new GolekError('shutting_down', 'the runtime is stopping'));
    await this.#last;
  }

  #configured(): readonly PlatformModel[] {
    return configuredModels(this.#options.configuration, this.#options.file);
  }

  #listed(upstream: string): Promise<void> {
    for (const { model } of this.#options.catalogue.failed)
      if (model.provider === upstream) this.#again.add(model.source.name);
    return this.#follow();
  }

  async #follow(): Promise<void> {
    for (let isBehind = true; isBehind && !this.#stopping.signal.aborted;) {
      isBehind = false;
      await this.#soon(async (signal) => {
        isBehind = await this.#step(signal);
      });
    }
  }

  /** Brings the catalogue towards what there shall be. @returns whether another step is needed. */
  async #step(signal: AbortSignal): Promise<boolean> {
    const { catalogue, configuration, lists } = this.#options;
    const configured = this.#configured();
    const routes = configuration.get(routesConfig).map(({ name }) => name);
    const served = servedModels({ configured, routes, own: this.#own, listed: lists.selections });
    this.#tell(served);
    const wanted = byName([...configured, ...served.own, ...served.listed]);
    const gone = [...this.#present.keys()].filter((name) => !wanted.has(name));
    const isChanged = (model: PlatformModel): boolean => {
      const present = this.#present.get(model.source.name);
      return !present || !sameModel(present, model) || this.#again.has(model.source.name);
    };
    const listed = served.listed.filter(isChanged);
    const changed = [...[...configured, ...served.own].filter(isChanged), ...listed.slice(0, AT_ONCE)];
    for (const name of gone) {
      await catalogue.remove(name);
      this.#present.delete(name);
      this.#again.delete(name);
    }
    const replaced = await catalogue.add(changed, signal);
    for (const model of changed) {
      this.#present.set(model.source.name, model);
      this.#again.delete(model.source.name);
    }
    this.#unload([...gone, ...replaced], signal);
    return listed.length > AT_ONCE;
  }

  /** Says once what is left out. */
  #tell({ leftOut }: ServedModels<PlatformModel>): void {
    const told = new Set(this.#leftOut.map(({ upstream, model, reason }) => JSON.stringify([upstream, model, reason])));
    this.#leftOut = leftOut;
    for (const { upstream, model, reason } of leftOut)
      if (!told.has(JSON.stringify([upstream, model, reason])))
        this.#options.log.warn({ upstream, model }, `a listed model is left out: ${reason}`);
  }

  /** Sessions of what is gone or has other settings: closed once the runs that hold them have ended. */
  #unload(names: readonly string[], signal: AbortSignal): void {
    const { sessions, log } = this.#options;
    for (const model of names) {
      sessions.unload(model, signal, 'replaced').catch((error: unknown) => {
        if (!signal.aborted) log.warn({ model, err: error }, 'a model that was changed could not be unloaded');
      });
    }
  }

  #soon(change: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { signal } = this.#stopping;
    this.#last = this.#last.then(async () => {
      try {
        if (!signal.aborted) await change(signal);
      } catch (error) {
        if (!signal.aborted) this.#options.log.error({ err: error }, 'a change of the models could not be followed');
      }
    });
    return this.#last;
  }
}

const byName = (models: readonly PlatformModel[]): Map<string, PlatformModel> =>
  new Map(models.map((model) => [model.source.name, model]));
