import { GolekError } from '@golek/api';
import type { Log, Plugin, PluginHealth } from '@golek/plugins-api';
import type { EventBus } from '../events/event-bus.ts';
import { abortable } from '../waiting/abortable.ts';
import { LinkedAbort } from './linked-abort.ts';
import { optionsOf } from './plugin-options.ts';
import type { LoadedPlugin } from './plugin-source.ts';
import { stageHost, type PluginInference, type StagedPlugin } from './staged-host.ts';
import { withinLimit } from '../waiting/within-limit.ts';

/** What one version of a plugin is set up with. */
export interface PluginSurroundings {
  readonly events: Pick<EventBus, 'subscribe'>;
  readonly log: Log;
  readonly infer: PluginInference;
  /** What the configuration says for the plugin; undefined: nothing. */
  readonly options: unknown;
  /** For `setup` and the start functions together, milliseconds. */
  readonly startLimitMs: number;
}

const named = (plugin: Plugin, what: string, thrown: unknown): GolekError =>
  thrown instanceof GolekError
    ? thrown
    : new GolekError(
        'plugin_failed',
        `plugin '${plugin.name}' ${plugin.version} ${what}: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
        { cause: thrown },
      );

/** One version of a plugin that is set up; knows how everything that it holds is given back. */
export class PluginInstance {
  readonly plugin: Plugin;
  readonly #loaded: LoadedPlugin;
  readonly #staged: StagedPlugin;
  readonly #surroundings: PluginSurroundings;
  readonly #stopping: AbortController;
  readonly #subscriptions: Disposable[] = [];

  private constructor(
    loaded: LoadedPlugin,
    staged: StagedPlugin,
    surroundings: PluginSurroundings,
    stopping: AbortController,
  ) {
    this.plugin = loaded.plugin;
    this.#loaded = loaded;
    this.#staged = staged;
    this.#surroundings = surroundings;
    this.#stopping = stopping;
  }

  /**
   * Runs `setup` and the start functions. When one fails, takes too long, or the signal is aborted, what the plugin had registered is given back and
   * the failure thrown. Throws `plugin_invalid` for options that do not fit, `plugin_failed` for the plugin's own failure.
   */
  static async open(
    loaded: LoadedPlugin,
    surroundings: PluginSurroundings,
    signal: AbortSignal,
    stopLimitMs: number,
  ): Promise<PluginInstance> {
    const { plugin } = loaded;
    const { startLimitMs, log, infer } = surroundings;
    const stopping = new AbortController();
    using starting = new LinkedAbort(signal);
    let instance: PluginInstance | undefined;
    try {
      const options = optionsOf(plugin, surroundings.options);
      const { host, staged, seal } = stageHost({
        name: plugin.name,
        version: plugin.version,
        options,
        signal: stopping.signal,
        log,
        infer,
      });
      const opened = (instance = new PluginInstance(loaded, staged, surroundings, stopping));
      const run = async (): Promise<void> => {
        try {
          await plugin.setup(host);
        } finally {
          seal();
        }
        for (const onStart of staged.onStart) {
          starting.signal.throwIfAborted();
          await onStart(starting.signal);
        }
      };
      try {
        await abortable(
          withinLimit(
            run,
            startLimitMs,
            () =>
              new GolekError(
                'plugin_failed',
                `plugin '${plugin.name}' ${plugin.version} did not start within ${startLimitMs} ms (plugins.startLimitMs)`,
              ),
          ),
          signal,
        );
      } finally {
        // A setup that comes back too late registers nothing any more.
        seal();
      }
      return opened;
    } catch (thrown) {
      const error = named(plugin, 'could not start', thrown);
      starting.abort(error);
      if (instance) await instance.release(stopLimitMs, error);
      else await releaseLoaded(loaded, stopLimitMs, log);
      throw error;
    }
  }

  get contributions(): StagedPlugin['contributions'] {
    return this.#staged.contributions;
  }

  get hasHealth(): boolean {
    return this.#staged.health.length > 0;
  }

  /** Types of the lifecycle events that it listens to. */
  get listensTo(): readonly string[] {
    return [...new Set(this.#staged.listeners.flatMap(({ types }) => types))];
  }

  /** Its listeners hear events from now on. */
  listen(): void {
    for (const { types, listener } of this.#staged.listeners) {
      this.#subscriptions.push(this.#surroundings.events.subscribe(listener, types));
    }
  }

  unlisten(): void {
    for (const subscription of this.#subscriptions.splice(0)) subscription[Symbol.dispose]();
  }

  /** The worst of the plugin's own checks; `ok` for a plugin that has none. A check that fails or is late counts as `down`. */
  async health(limitMs: number): Promise<PluginHealth> {
    const late = (): Error => new Error(`the health check did not answer within ${limitMs} ms`);
    const found = await Promise.all(
      this.#staged.health.map((check) =>
        withinLimit(check, limitMs, late).catch((thrown: unknown): PluginHealth => ({
          status: 'down',
          reason: thrown instanceof Error ? thrown.message : String(thrown),
        })),
      ),
    );
    return found.find(({ status }) => status === 'down') ?? found.find(({ status }) => status === 'degraded') ?? OK;
  }

  /**
   * Gives back everything: stop functions in reverse order, the signal, providers, the code. Call it when nothing uses the plugin any more.
   * @returns what did not stop well, in words.
   */
  async release(limitMs: number, reason: GolekError): Promise<readonly string[]> {
    this.unlisten();
    const { name } = this.plugin;
    const problems: string[] = [];
    const step = async (what: string, run: () => void | PromiseLike<void>): Promise<void> => {
      try {
        await withinLimit(run, limitMs, () => new Error(`took longer than ${limitMs} ms (plugins.stopLimitMs)`));
      } catch (thrown) {
        problems.push(`${what}: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
        this.#surroundings.log.warn({ plugin: name, err: thrown }, `the ${what} of a plugin failed`);
      }
    };
    for (const onStop of this.#staged.onStop.toReversed()) await step('stop function', onStop);
    this.#stopping.abort(reason);
    for (const provider of this.#staged.contributions.providers) {
      await step(`disposal of the provider '${provider.id}'`, () => provider[Symbol.asyncDispose]());
    }
    await step('release', () => this.#loaded.release?.());
    return problems;
  }
}

const OK: PluginHealth = Object.freeze({ status: 'ok' });

/** Lets go of code that was never set up. */
export const releaseLoaded = async (loaded: LoadedPlugin, limitMs: number, log: Log): Promise<void> => {
  try {
    await withinLimit(
      () => loaded.release?.(),
      limitMs,
      () => new Error(`took longer than ${limitMs} ms`),
    );
  } catch (err) {
    log.warn({ err }, 'the code of a plugin could not be released');
  }
};
