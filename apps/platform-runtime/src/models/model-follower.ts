import { GolekError } from '@golek/api';
import type { ExtensionPoint, SessionPool } from '@golek/kernel';
import type { Log } from '@golek/plugins-api';
import type { Provider } from '@golek/providers-spi';
import type { Configuration } from '@golek/system';
import { modelsConfig } from '../config/models-config.ts';
import { configuredModels } from './configured-models.ts';
import type { ModelCatalogue } from './model-catalogue.ts';
import { sameModel } from './platform-model.ts';

export interface ModelFollowerOptions {
  readonly catalogue: ModelCatalogue;
  readonly sessions: Pick<SessionPool, 'unload'>;
  readonly providers: ExtensionPoint<Provider>;
  readonly configuration: Configuration;
  readonly file: string | undefined;
  readonly log: Log;
}

/** Keeps the catalogue at what `models.list` and the providers are now. */
export class ModelFollower implements AsyncDisposable {
  readonly #options: ModelFollowerOptions;
  readonly #stopping = new AbortController();
  readonly #following = new DisposableStack();
  #last: Promise<void> = Promise.resolve();

  constructor(options: ModelFollowerOptions) {
    this.#options = options;
  }

  start(): void {
    const { configuration, providers, file, catalogue } = this.#options;
    let present = configuredModels(configuration, file);
    this.#following.use(
      configuration.watch(
        modelsConfig,
        () => {
          const before = present;
          present = configuredModels(configuration, file);
          const now = present;
          const named = new Set(now.map(({ source }) => source.name));
          const gone = before.map(({ source }) => source.name).filter((name) => !named.has(name));
          const changed = now.filter((model) => !before.some((old) => sameModel(old, model)));
          this.#soon(async (signal) => {
            for (const name of gone) await catalogue.remove(name);
            const replaced = await catalogue.add(changed, signal);
            this.#unload([...gone, ...replaced], signal);
          });
        },
        { keys: ['list'] },
      ),
    );
    this.#following.use(
      providers.consume({ apply: (items) => this.#soon((signal) => catalogue.useProviders(items, signal)) }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#following.dispose();
    this.#stopping.abort(new GolekError('shutting_down', 'the runtime is stopping'));
    await this.#last;
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

  #soon(change: (signal: AbortSignal) => Promise<void>): void {
    const { signal } = this.#stopping;
    this.#last = this.#last.then(async () => {
      try {
        if (!signal.aborted) await change(signal);
      } catch (error) {
        if (!signal.aborted) this.#options.log.error({ err: error }, 'a change of the models could not be followed');
      }
    });
  }
}
