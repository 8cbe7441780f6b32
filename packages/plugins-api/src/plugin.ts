import type { InferenceCall } from './call.ts';
import type { KeyValueStore, InferenceEvent, LifecycleEventType, Log, PublishedEvent } from '@golek/api';
import type { Authenticator } from './authenticator.ts';
import type { HttpRoute } from './http-route.ts';
import type { PhaseContribution } from './phase.ts';
import type { TelemetryExporter } from './telemetry-exporter.ts';
import type { Transform } from './transform.ts';

/** The version of this contract; a plugin's `golek` range is checked against it. */
export const PLUGIN_API_VERSION = '1.0.0';

/** What a plugin is. Made by `definePlugin`. */
export interface Plugin<Options = unknown> {
  /** Unique among the plugins of a runtime; lower-case letters, digits, `-`, `.`, `_`, `/`, `@`. */
  readonly name: string;
  /** Semantic version. */
  readonly version: string;
  /** Range of `PLUGIN_API_VERSION` that it works with; default: any 1.x. */
  readonly golek?: string;
  /** Plugins that must be running before it, name → semver range. */
  readonly requires?: Readonly<Record<string, string>>;
  /** Checks the plugin's options; throws or returns them, defaults filled in. A zod schema's `parse` fits. Absent: it takes no options. */
  readonly options?: (raw: unknown) => Options;
  /**
   * Registers what the plugin brings. It may be called while an older version of the plugin still works: nothing that it registers takes
   * effect before it has returned. When it throws, everything that it had registered is taken back.
   */
  setup(host: PluginHost<Options>): void | Promise<void>;
}

/** What the kernel gives to a plugin. */
export interface PluginHost<Options = unknown> {
  /** Lines carry the plugin's name. */
  readonly log: Log;
  readonly options: Options;
  /** Aborted when the plugin is being stopped, after the last call that used it has ended. */
  readonly signal: AbortSignal;

  /** An interceptor or observer. Its name is prefixed with the plugin's. */
  phase(contribution: PhaseContribution): void;
  /** A change of requests on their way in, of events on their way out, or both: a phase in its simplest form. */
  transform(transform: Transform): void;
  /** A way to run models: a `Provider` of `@golek/providers-spi`. Typed loosely so that this package does not depend on it. */
  provider(provider: PluginProvider): void;
  /** A route of the HTTP server, e.g. a protocol of its own. Ignored, with a log line, where there is no HTTP server. */
  route(route: HttpRoute): void;
  /** Tells who makes a request. The first one that knows the credentials decides. */
  authenticator(authenticator: Authenticator): void;
  /** Takes finished spans and metrics to a monitoring system. */
  exporter(exporter: TelemetryExporter): void;
  /** Keeps settings and states that outlive the process, in place of the data folder. */
  store(store: KeyValueStore): void;

  /** Runs once after `setup`, before the plugin takes effect; a failure keeps it from starting. */
  onStart(run: (signal: AbortSignal) => void | Promise<void>): void;
  /** Runs once when nothing uses the plugin any more. */
  onStop(run: () => void | Promise<void>): void;
  /** Asked now and then, and by `golek plugins list`. */
  health(check: () => PluginHealth | Promise<PluginHealth>): void;
  /** Told of lifecycle events until the plugin stops. */
  on(types: readonly LifecycleEventType[], listener: (event: PublishedEvent) => void): void;
  /** Runs an inference of its own through all phases: request in, events out. */
  infer(request: InferenceCall['request'], options: { readonly signal: AbortSignal }): AsyncIterable<InferenceEvent>;
}

/** The shape of a provider, as far as this package looks at it. */
export interface PluginProvider extends AsyncDisposable {
  readonly id: string;
}

export interface PluginHealth {
  readonly status: 'ok' | 'degraded' | 'down';
  readonly reason?: string;
}

/**
 * Names a plugin's parts and checks their types; the default export of a plugin's module.
 *
 * @example export default definePlugin({ name: 'hello', version: '1.0.0', setup: (host) => host.log.info({}, 'hello') });
 */
export const definePlugin = <Options = undefined>(plugin: Plugin<Options>): Plugin<Options> => plugin;
