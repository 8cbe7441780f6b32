import { realpathSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { GolekError, SILENT_LOG, type Log } from '@golek/api';
import type { Plugin, PluginHost } from '@golek/plugins-api';
import { isolatedPluginLimits, type IsolatedPluginLimits } from './isolated-plugin-limits.ts';
import type { PluginSpec } from './plugin-process.ts';
import { PluginSupervisor } from './plugin-supervisor.ts';
import { registerProxies } from './register-proxies.ts';
import { PluginDescription, Registrations } from './registrations.ts';

/** An untrusted plugin and what it may do. */
export interface IsolatedPluginOptions {
  /** The plugin's module, an absolute path. */
  readonly file: string;
  /** The plugin's folder, or its file alone, which it may read, as it may the packages that are installed beside it; default: the module's folder. */
  readonly root?: string;
  /** Other folders and files that it may read. */
  readonly reads?: readonly string[];
  /** It may open connections and listen; default false. Node below 25 cannot take that away. */
  readonly network?: boolean;
  /** Its environment; nothing is inherited. */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * False: a request goes on unchanged where a transform of the plugin fails. Default true, as the phases of transforms are critical: the
   * request fails with the transform.
   */
  readonly critical?: boolean;
  readonly limits?: Partial<IsolatedPluginLimits>;
  /** Gets what the plugin prints while it is only asked who it is. */
  readonly log?: Log;
  readonly signal: AbortSignal;
}

/**
 * A plugin that runs in a confined, supervised process of its own. Starts such a process for a moment to ask the plugin who it is; each `setup`
 * then has a process until the host stops it.
 * Throws `plugin_invalid` for a module that is no plugin, `plugin_failed` for one that crashes or hangs, `config_invalid` for limits.
 *
 * @example await isolatedPlugin({ file: '/plugins/shout/dist/index.js', root: '/plugins/shout', signal });
 */
export const isolatedPlugin = async (options: IsolatedPluginOptions): Promise<Plugin> => {
  const file = realpathSync(options.file);
  const base: Omit<PluginSpec, 'log'> = {
    module: pathToFileURL(file).href,
    name: file,
    reads: readable(realpathSync(options.root ?? path.dirname(file)), options.reads ?? []),
    network: options.network ?? false,
    env: options.env ?? {},
    limits: isolatedPluginLimits(options.limits),
  };
  const description = await describe({ ...base, log: options.log ?? SILENT_LOG }, options.signal);
  const { name, version, golek, requires, takesOptions } = description;
  const critical = options.critical ?? true;
  return {
    name,
    version,
    ...(golek !== undefined && { golek }),
    ...(requires && { requires }),
    // Checked by the plugin itself in its process, when it is set up.
    ...(takesOptions && { options: (raw: unknown) => raw }),
    setup: (host) => setUp({ ...base, name, log: host.log }, host, critical),
  };
};

/** An installed package finds its dependencies beside itself: in the outermost `node_modules` that it lies in. */
const readable = (root: string, more: readonly string[]): readonly string[] => {
  const parts = root.split(path.sep);
  const at = parts.indexOf('node_modules');
  return [...(at < 0 ? [root] : [parts.slice(0, at + 1).join(path.sep)]), ...more.map((place) => realpathSync(place))];
};

const describe = async (spec: PluginSpec, signal: AbortSignal): Promise<PluginDescription> => {
  let answer: unknown;
  const asked = await PluginSupervisor.start(
    spec,
    async (ask, until) => {
      answer = await ask('describe', undefined, { signal: until, limitMs: spec.limits.startMs, bound: true });
    },
    signal,
  );
  await asked.stop();
  const parsed = PluginDescription.safeParse(answer);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new GolekError(
    'plugin_invalid',
    `plugin '${spec.name}': ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not a description'}`,
  );
};

const setUp = async (spec: PluginSpec, host: PluginHost, critical: boolean): Promise<void> => {
  let registered: Registrations | undefined;
  let started = false;
  const limitMs = spec.limits.startMs;
  const supervisor = await PluginSupervisor.start(
    spec,
    async (ask, signal) => {
      const answer = await ask('setup', host.options, { signal, limitMs, bound: true });
      const parsed = Registrations.safeParse(answer);
      if (!parsed.success) {
        const [issue] = parsed.error.issues;
        throw new GolekError(
          'plugin_invalid',
          `plugin '${spec.name}' registered something unusable: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`,
        );
      }
      if (registered && JSON.stringify(registered) !== JSON.stringify(parsed.data)) {
        throw new GolekError('plugin_invalid', `plugin '${spec.name}' registered something else after its restart`);
      }
      registered = parsed.data;
      // The first time this is done by the host, after it has accepted what was registered.
      if (started) await ask('start', undefined, { signal, limitMs, bound: true });
    },
    host.signal,
  );
  if (!registered) throw new TypeError('a plugin was set up without an answer');
  host.signal.addEventListener('abort', () => void supervisor.stop(), { once: true });
  host.onStart(async (signal) => {
    await supervisor.ask('start', undefined, { signal, limitMs, bound: true });
    started = true;
  });
  host.onStop(() => supervisor.stop());
  try {
    registerProxies({ host, supervisor, registered, plugin: spec.name, limits: spec.limits, critical });
  } catch (thrown) {
    await supervisor.stop();
    throw thrown;
  }
};
