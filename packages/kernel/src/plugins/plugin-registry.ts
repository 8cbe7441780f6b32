import path from 'node:path';
import { GolekError, type ErrorData } from '@golek/api';
import type { Log } from '@golek/plugins-api';
import { absentPlugins } from './absent-plugins.ts';
import { discoverPlugins, type PluginEntry, type PluginPlaces } from './discover-plugins.ts';
import { FileWatch } from './file-watch.ts';
import type { PluginManager } from './plugin-manager.ts';
import type { PluginStatus } from './plugin-record.ts';
import type { LoadedPlugin, PluginSource } from './plugin-source.ts';
import { Turns } from '../waiting/turns.ts';

export interface PluginRegistrySettings extends PluginPlaces {
  /** Names of plugins that shall not run. */
  readonly disabled: readonly string[];
  /** Names of plugins that run in a process of their own, beside those whose package.json asks for it. */
  readonly isolated: readonly string[];
  /** Follow changes of the files. */
  readonly watch: boolean;
  /** Raw options by plugin. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** Loads the code of a plugin as it is now; tells each file that it reads, also when it fails. */
export type PluginLoader = (
  entry: PluginEntry,
  context: { readonly signal: AbortSignal; readonly reads: (file: string) => void },
) => Promise<LoadedPlugin>;

export interface PluginRegistryOptions {
  readonly manager: PluginManager;
  /** Read anew when `configured` is called. */
  readonly settings: () => PluginRegistrySettings;
  readonly load: PluginLoader;
  readonly loadIsolated: PluginLoader;
  /** Keeps which plugins are disabled, over restarts. */
  readonly saveDisabled: (names: readonly string[]) => Promise<void>;
  readonly log: Log;
}

export interface ListedPlugin extends PluginStatus {
  readonly isolated: boolean;
}

export interface PluginList {
  readonly plugins: readonly ListedPlugin[];
  /** What looks like a plugin and is none, or was configured and is not there. */
  readonly problems: readonly ErrorData[];
}

/** The plugins on disk: finds them, hands them to the manager, and follows changes of files and configuration. */
export class PluginRegistry implements AsyncDisposable {
  readonly #options: PluginRegistryOptions;
  readonly #watch: FileWatch;
  readonly #entries = new Map<string, PluginEntry>();
  /** Files that each plugin was last read from. */
  readonly #files = new Map<string, ReadonlySet<string>>();
  #settings: PluginRegistrySettings;
  #problems: readonly GolekError[] = [];
  /** Settings of plugins that are not there, as told. */
  #absent: readonly string[] = [];
  readonly #turns = new Turns();

  constructor(options: PluginRegistryOptions) {
    this.#options = options;
    this.#settings = options.settings();
    this.#watch = new FileWatch((paths) => void this.#filesChanged(paths), options.log);
  }

  /** Finds and starts the plugins. One that cannot start is listed with its reason. */
  start(): Promise<void> {
    return this.#turns.take(async () => {
      await this.#scan();
      await this.#options.manager.startAll();
      this.#follow();
    });
  }

  list(): PluginList {
    const plugins = this.#options.manager.list().map((status) => this.#listed(status));
    return { plugins, problems: this.#problems.map((problem) => problem.toJSON()) };
  }

  /** Throws `plugin_not_found`. */
  info(name: string): ListedPlugin {
    return this.#listed(this.#options.manager.status(name));
  }

  /** Looks for plugins that came and went: new ones start, those that are gone stop. */
  rescan(): Promise<void> {
    return this.#turns.take(() => this.#rescan());
  }

  /** Throws why the plugin could not start; it is enabled then all the same. */
  enable(name: string): Promise<void> {
    return this.#turns.take(async () => {
      const { manager, saveDisabled } = this.#options;
      manager.status(name);
      const disabled = this.#settings.disabled.filter((other) => other !== name);
      await saveDisabled(disabled);
      this.#settings = { ...this.#settings, disabled };
      await manager.enable(name).finally(() => this.#follow());
    });
  }

  /** Throws `conflict` when running plugins need it and `force` is not set. */
  disable(name: string, options: { readonly force?: boolean } = {}): Promise<void> {
    return this.#turns.take(async () => {
      const { manager, saveDisabled } = this.#options;
      await manager.disable(name, options);
      const disabled = [...new Set([...this.#settings.disabled, name])];
      await saveDisabled(disabled);
      this.#settings = { ...this.#settings, disabled };
    });
  }

  /** Puts the files as they are now into effect. Throws why that failed; what runs goes on then. */
  reload(name: string): Promise<void> {
    return this.#turns.take(() => this.#options.manager.reload(name).finally(() => this.#follow()));
  }

  /** Follows a change of the configuration: places, disabled plugins, options. What cannot start is reported by the manager. */
  configured(): Promise<void> {
    return this.#turns.take(async () => {
      const { manager, settings } = this.#options;
      const before = this.#settings;
      const after = (this.#settings = settings());
      await this.#rescan();
      for (const { name, state } of manager.list()) {
        const disabled = after.disabled.includes(name);
        const changed =
          differ(before.options[name], after.options[name]) ||
          this.#isIsolated(name, before) !== this.#isIsolated(name, after);
        if (disabled) await attempt(() => manager.disable(name, { force: true }));
        else if (state === 'disabled') await attempt(() => manager.enable(name));
        else if (changed) await attempt(() => manager.reload(name));
      }
      this.#follow();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#watch[Symbol.dispose]();
    await this.#turns.close(new GolekError('shutting_down', 'the runtime is stopping'));
  }

  async #rescan(): Promise<void> {
    const { manager } = this.#options;
    const gone = await this.#scan();
    for (const name of gone) await attempt(() => manager.forget(name));
    await manager.startAll();
    this.#follow();
  }

  /** Declares what is new. @returns the names of those that are gone. */
  async #scan(): Promise<readonly string[]> {
    const { manager, log } = this.#options;
    const { entries, problems } = await discoverPlugins(this.#settings);
    const clashes: GolekError[] = [];
    const found = new Set(entries.map(({ name }) => name));
    const gone = [...this.#entries.keys()].filter((name) => !found.has(name));
    for (const entry of entries) {
      const source = this.#sourceOf(entry);
      if (this.#entries.has(entry.name)) manager.redeclare(source);
      else {
        try {
          manager.declare(source, { disabled: this.#settings.disabled.includes(entry.name) });
        } catch (thrown) {
          clashes.push(GolekError.from(thrown));
          continue;
        }
      }
      this.#entries.set(entry.name, entry);
    }
    for (const name of gone) {
      this.#entries.delete(name);
      this.#files.delete(name);
    }
    const known = new Set(this.#problems.map(({ message }) => message));
    this.#problems = [...problems, ...clashes];
    for (const err of this.#problems) if (!known.has(err.message)) log.error({ err }, 'a plugin cannot be used');
    const absent = absentPlugins(
      this.#settings,
      manager.list().flatMap(({ name }) => (gone.includes(name) ? [] : [name])),
    );
    for (const note of absent) if (!this.#absent.includes(note)) log.warn({}, note);
    this.#absent = absent;
    return gone;
  }

  #sourceOf(entry: PluginEntry): PluginSource {
    const { load, loadIsolated } = this.#options;
    return {
      name: entry.name,
      origin: entry.file,
      load: (signal) => {
        const files = new Set([entry.file]);
        this.#files.set(entry.name, files);
        const loader = this.#isIsolated(entry.name, this.#settings) ? loadIsolated : load;
        return loader(entry, { signal, reads: (file) => void files.add(file) });
      },
    };
  }

  #isIsolated(name: string, { isolated }: PluginRegistrySettings): boolean {
    return isolated.includes(name) || (this.#entries.get(name)?.isolated ?? false);
  }

  #listed(status: PluginStatus): ListedPlugin {
    return { ...status, isolated: this.#isIsolated(status.name, this.#settings) };
  }

  /** Watches the folders of plugins and those of every file that a plugin was read from. */
  #follow(): void {
    if (this.#turns.closed) return;
    const { watch, folders } = this.#settings;
    const files = [...this.#files.values()].flatMap((own) => [...own].map((file) => path.dirname(file)));
    const roots = [...this.#entries.values()].map(({ root }) => root);
    this.#watch.set(new Set(watch ? [...folders, ...roots, ...files] : []));
  }

  async #filesChanged(paths: ReadonlySet<string>): Promise<void> {
    const { manager, log } = this.#options;
    const follow = async (): Promise<void> => {
      const before = new Set(this.#entries.keys());
      await this.#rescan();
      for (const { name, state } of manager.list()) {
        // What came just now was read just now.
        if (state === 'disabled' || !before.has(name) || !this.#isReadFrom(name, paths)) continue;
        await attempt(() => manager.reload(name));
      }
      this.#follow();
    };
    await this.#turns.take(follow).catch((err: unknown) => {
      if (!this.#turns.closed) log.error({ err }, 'a change of plugin files could not be followed');
    });
  }

  #isReadFrom(name: string, paths: ReadonlySet<string>): boolean {
    const manifest = path.join(this.#entries.get(name)?.root ?? '', 'package.json');
    const files = this.#files.get(name);
    return files !== undefined && [...paths].some((changed) => files.has(changed) || changed === manifest);
  }
}

const differ = (before: unknown, after: unknown): boolean => JSON.stringify(before) !== JSON.stringify(after);

/** The manager keeps and publishes why an operation on a plugin failed; nobody waits for it here. */
const attempt = async (run: () => Promise<void>): Promise<void> => {
  await run().catch(() => undefined);
};
