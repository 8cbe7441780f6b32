import { GolekError, type KeyValueStore, type LifecycleEvent, type Log, type StoredValue } from '@golek/api';
import { Turns } from '@golek/kernel';
import { boundedStore } from './bounded-store.ts';
import { filesOfSecrets, propose, withStored, type ProposedState } from './change-configuration.ts';
import type { ConfigKey } from './config-key.ts';
import { problemText, type ConfigProblem } from './config-source.ts';
import type { Configuration, ConfigExplanation, ConfigScope } from './configuration.ts';
import { CONTROLS, type ConfigurationControl } from './configuration-control.ts';
import { FileWatch } from './file-watch.ts';
import { invalidConfiguration } from './invalid-configuration.ts';
import { readConfigFile } from './read-config-file.ts';
import type { ConfigurationLayers } from './resolve-layers.ts';
import { valueAt } from './section-values.ts';
import { refusalToStore } from './stored-layer.ts';
import { readStored, STORED_PREFIX } from './stored-settings.ts';

export interface ConfigurationManagerOptions {
  readonly configuration: Configuration;
  readonly log: Log;
  readonly publish: (event: LifecycleEvent) => void;
  /** Where `set` keeps values. */
  readonly store: KeyValueStore;
  /** Absolute path of the configuration file, which need not exist; read again when it changes. */
  readonly file?: string | undefined;
}

export interface ChangeOptions {
  readonly signal: AbortSignal;
  /** Revision of the stored value that the change was decided upon, `null` for none; `conflict` when there is another. */
  readonly expectedRevision?: string | null | undefined;
}

/** What a change did. */
export interface ConfigChange {
  /** Keys with a new value in force. */
  readonly changed: readonly string[];
  /** Keys whose new value takes effect after a restart. */
  readonly restart: readonly string[];
  /** Of the value that was stored. */
  readonly revision?: string;
}

/** What a file with some text would do. */
export type ConfigTrial =
  ({ readonly valid: true } & ConfigChange) | { readonly valid: false; readonly problems: readonly ConfigProblem[] };

const MAX_PROBLEMS = 20;

/**
 * Changes a configuration while the runtime works, one change after the other. Each is checked as a whole first, by the schemas and by the consumers' own checks;
 * one that is refused leaves everything as it was.
 */
export class ConfigurationManager implements AsyncDisposable {
  readonly #configuration: Configuration;
  readonly #control: ConfigurationControl;
  readonly #log: Log;
  readonly #publish: (event: LifecycleEvent) => void;
  readonly #file: string | undefined;
  /** The store as it was given, and the same with limits. */
  #given: KeyValueStore;
  #store: KeyValueStore;
  #storeWatch: Disposable | undefined;
  #fileWatch: FileWatch | undefined;
  readonly #turns = new Turns();
  /** The last refusal that was told, so that one mistake is not told at each look. */
  #refused = '';
  readonly #ending = new AbortController();

  constructor({ configuration, log, publish, store, file }: ConfigurationManagerOptions) {
    this.#configuration = configuration;
    this.#control = CONTROLS.get(configuration) as ConfigurationControl;
    this.#log = log;
    this.#publish = publish;
    this.#given = store;
    this.#store = boundedStore(store);
    this.#file = file;
  }

  /** Name of the store that values are kept in. */
  get store(): string {
    return this.#store.name;
  }

  /** Follows the file, the files of secrets and the store from now on. */
  start(): void {
    this.#storeWatch = this.#watchStore(this.#store);
    this.#fileWatch = new FileWatch({
      files: () => [
        ...(this.#file === undefined ? [] : [this.#file]),
        ...filesOfSecrets(this.#configuration.keys, this.#control.state().afterRestart.winners),
      ],
      onChange: async () => {
        await this.#turns.take(async () => this.#takeFile('file')).catch(() => undefined);
      },
      log: this.#log,
    });
    // What was written since the configuration was read.
    this.reload(this.#ending).catch((err: unknown) => {
      if (GolekError.from(err).code !== 'config_invalid' && !this.#turns.closed)
        this.#log.error({ err }, 'the configuration could not be read again at the start');
    });
  }

  /** Every key, as `explain` shows it. */
  list(scope: ConfigScope = {}): readonly ConfigExplanation[] {
    return this.#configuration.keys.map(({ key }) => this.#configuration.explain(key, scope));
  }

  /** Stores a value, which beats file, environment and command line. Throws `invalid_request` for an unknown key, `config_invalid`, `conflict`. */
  set(key: string, value: unknown, options: ChangeOptions): Promise<ConfigChange> {
    return this.change(key, () => value, options);
  }

  /** The same with a value made from the present one: as it was written, else the default. */
  async change(name: string, edit: (present: unknown) => unknown, options: ChangeOptions): Promise<ConfigChange> {
    const key = this.#configuration.key(name);
    return this.#turns.take(async () => {
      options.signal.throwIfAborted();
      const value = jsonOf(key, edit(this.#present(key)));
      const refusal = refusalToStore(key, value);
      if (refusal !== undefined) throw this.#refuse(`set ${name}`, [unplaced(key, refusal)]);
      return this.#write(name, { value, revision: '' }, options);
    });
  }

  /** Removes a stored value, so that the layers below count again. No error when there is none. */
  async unset(name: string, options: ChangeOptions): Promise<ConfigChange> {
    return this.#turns.take(async () => {
      options.signal.throwIfAborted();
      // A store may hold what an older or newer Golek knows: that has to go, too.
      const { values } = await readStored(this.#store, options.signal);
      const { key } = values.has(name) ? { key: name } : this.#configuration.key(name);
      return this.#write(key, undefined, options);
    });
  }

  /** Reads file, secrets and store again. Throws `config_invalid`. */
  reload({ signal }: { readonly signal: AbortSignal }): Promise<ConfigChange> {
    return this.#turns.take(async () => {
      signal.throwIfAborted();
      const stored = await readStored(this.#store, signal);
      return this.#takeFile('reload', (layers) => ({ ...layers, stored }));
    });
  }

  /** What a configuration file with this text would change, or what is wrong with it. Changes nothing. */
  try(text: string): ConfigTrial {
    const path = this.#file ?? 'golek.yaml';
    const proposed = this.#proposed({ ...this.#layers, file: { path, text } });
    if ('problems' in proposed) return { valid: false, problems: proposed.problems };
    return { valid: true, changed: names(proposed.changed), restart: names(proposed.restart) };
  }

  /** Takes another store and its values; the values of the old one are not moved. A store with values that are refused is not taken. */
  async useStore(given: KeyValueStore, signal: AbortSignal): Promise<void> {
    await this.#turns.take(async () => {
      if (given === this.#given) return;
      const store = boundedStore(given);
      const stored = await readStored(store, signal);
      this.#take(`store ${store.name}`, { ...this.#layers, stored });
      this.#log.info(
        { store: store.name, previous: this.#store.name, values: stored.values.size },
        'settings are kept in another store; values of the previous one were not moved',
      );
      this.#storeWatch?.[Symbol.dispose]();
      this.#given = given;
      this.#store = store;
      this.#storeWatch = this.#watchStore(store);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const idle = this.#turns.close(new GolekError('shutting_down', 'the configuration takes no changes any more'));
    this.#ending.abort();
    this.#storeWatch?.[Symbol.dispose]();
    await this.#fileWatch?.[Symbol.asyncDispose]();
    await idle;
  }

  get #layers(): ConfigurationLayers {
    return this.#control.state().layers;
  }

  #watchStore(store: KeyValueStore): Disposable {
    const ending = new AbortController();
    const watch = store.watch(STORED_PREFIX, () => {
      this.#turns
        .take(async () => {
          if (ending.signal.aborted) return;
          const stored = await readStored(store, ending.signal);
          this.#take(`store ${store.name}`, { ...this.#layers, stored });
        })
        .catch((err: unknown) => {
          const told = err instanceof GolekError && (err.code === 'config_invalid' || err.code === 'shutting_down');
          if (!told && !ending.signal.aborted)
            this.#log.error({ err, store: store.name }, 'stored settings cannot be read');
        });
    });
    return {
      [Symbol.dispose]: () => {
        ending.abort();
        watch[Symbol.dispose]();
      },
    };
  }

  /** What was written for a key last, else its default. */
  #present(key: ConfigKey): unknown {
    const { winners, parsed } = this.#control.state().afterRestart;
    return winners.get(key.key)?.value ?? valueAt(parsed.get(key.path[0] ?? ''), key);
  }

  async #write(
    key: string,
    next: StoredValue | undefined,
    { signal, expectedRevision }: ChangeOptions,
  ): Promise<ConfigChange> {
    const store = this.#store;
    const source = `${next ? 'set' : 'unset'} ${key}`;
    // Another process may have written since; what it wrote is part of what is checked.
    const layers = { ...this.#layers, stored: await readStored(store, signal) };
    const present = layers.stored.values.get(key);
    if (expectedRevision !== undefined && expectedRevision !== (present?.revision ?? null))
      throw new GolekError(
        'conflict',
        `'${key}' was changed meanwhile: expected revision ${expectedRevision ?? 'none'}, stored is ${present?.revision ?? 'none'}`,
        { details: { key, revision: present?.revision ?? null } },
      );
    const proposed = this.#proposed(withStored(layers, store.name, key, next));
    if ('problems' in proposed) throw this.#refuse(source, proposed.problems);
    const options = { expected: present?.revision ?? null, signal };
    const saved = next && (await store.put(STORED_PREFIX + key, next.value, options));
    if (!next && present) await store.delete(STORED_PREFIX + key, options);
    const done = this.#take(source, withStored(layers, store.name, key, saved));
    return { ...done, ...(saved && { revision: saved.revision }) };
  }

  async #takeFile(
    source: string,
    edit: (layers: ConfigurationLayers) => ConfigurationLayers = (layers) => layers,
  ): Promise<ConfigChange> {
    const path = this.#file;
    if (path === undefined) return this.#take(source, edit(this.#layers));
    const had = this.#layers.file !== undefined;
    const told = source === 'file' ? path : source;
    let file;
    try {
      file = await readConfigFile(path, { required: had });
    } catch (thrown) {
      const { message } = GolekError.from(thrown);
      throw this.#refuse(told, [{ source: { layer: 'default' }, key: '', message }]);
    }
    return this.#take(told, edit({ ...this.#layers, file }));
  }

  #proposed(layers: ConfigurationLayers): ProposedState | { readonly problems: readonly ConfigProblem[] } {
    const proposed = propose(layers, this.#configuration.keys, this.#control.state());
    if ('problems' in proposed) return proposed;
    const problems = this.#control.problemsOf(proposed.state);
    return problems.length > 0 ? { problems } : proposed;
  }

  /** Makes other layers the present ones, or throws with nothing changed. */
  #take(source: string, layers: ConfigurationLayers): ConfigChange {
    const proposed = this.#proposed(layers);
    if ('problems' in proposed) throw this.#refuse(source, proposed.problems);
    const changed = names(proposed.changed);
    const restart = names(proposed.restart);
    this.#refused = '';
    this.#control.swap(proposed.state, (err, section) => {
      this.#log.error({ err, section }, 'a reader of the configuration failed to take a change over');
    });
    if (changed.length + restart.length > 0) {
      this.#log.info({ source, changed, ...(restart.length > 0 && { restart }) }, 'configuration changed');
      this.#publish({ type: 'config.changed', keys: [...changed, ...restart], restart: [...restart], source });
    }
    return { changed, restart };
  }

  #refuse(source: string, problems: readonly ConfigProblem[]): GolekError {
    const texts = problems.slice(0, MAX_PROBLEMS).map(problemText);
    const refusal = `${source}\n${texts.join('\n')}`;
    if (refusal !== this.#refused) {
      this.#refused = refusal;
      this.#log.warn(
        { source, problems: texts },
        'a change of the configuration was refused; everything stays as it was',
      );
      this.#publish({ type: 'config.refused', source, problems: texts });
    }
    return invalidConfiguration(problems);
  }
}

const names = (keys: readonly ConfigKey[]): readonly string[] => keys.map(({ key }) => key);

const unplaced = (key: ConfigKey, message: string): ConfigProblem => ({
  source: { layer: 'default' },
  key: key.key,
  message,
});

/** The value as a store will give it back. */
const jsonOf = (key: ConfigKey, value: unknown): unknown => {
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) throw new GolekError('invalid_request', `'${key.key}' was given no value; unset it instead`);
  return JSON.parse(text) as unknown;
};
