import type { InferenceEvent, LifecycleEventType, Log, PublishedEvent } from '@golek/api';
import { GolekError } from '@golek/api/plain';
import type {
  Authenticator,
  HttpRoute,
  ObserverContribution,
  Plugin,
  PluginHealth,
  PluginHost,
  TelemetryExporter,
  Transform,
} from '@golek/plugins-api';
import type { PlainRouteRequest, PlainRouteResponse } from '../messages.ts';
import type { Registrations } from '../registrations.ts';

const invalid = (what: string, remedy: string): GolekError =>
  new GolekError('plugin_invalid', `a plugin in a process of its own cannot ${what}; ${remedy}`);

const part = <T>(parts: readonly T[], index: number, kind: string): T => {
  const found = parts[index];
  if (found === undefined) throw new TypeError(`the plugin has no ${kind} ${index}`);
  return found;
};

/** What the plugin registered: the child's `PluginHost`, and the parts by their numbers. */
export class PluginParts {
  readonly #log: Log;
  readonly #signal: AbortSignal;
  readonly #transforms: Transform[] = [];
  readonly #routes: HttpRoute[] = [];
  readonly #authenticators: Authenticator[] = [];
  readonly #exporters: TelemetryExporter[] = [];
  readonly #starts: ((signal: AbortSignal) => void | Promise<void>)[] = [];
  readonly #stops: (() => void | Promise<void>)[] = [];
  readonly #listeners: { readonly types: ReadonlySet<string>; readonly listener: (event: PublishedEvent) => void }[] =
    [];
  readonly observers: ObserverContribution[] = [];
  #health: (() => PluginHealth | Promise<PluginHealth>) | undefined;

  constructor(log: Log, signal: AbortSignal) {
    this.#log = log;
    this.#signal = signal;
  }

  /** Sets the plugin up with its checked options. Throws what it throws, and `config_invalid` for options that it refuses. */
  async setup(plugin: Plugin, raw: unknown): Promise<Registrations> {
    let options: unknown;
    try {
      options = plugin.options?.(raw);
    } catch (thrown) {
      if (thrown instanceof GolekError) throw thrown;
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      throw new GolekError('config_invalid', `the options of plugin '${plugin.name}' are refused: ${message}`);
    }
    await plugin.setup(this.#host(options));
    return {
      transforms: this.#transforms.map((transform) => ({
        name: transform.name,
        order: transform.order,
        request: transform.request !== undefined,
        stream: transform.stream !== undefined,
      })),
      observers: this.observers.map(({ name, order, phase }) => ({ name, order, phase })),
      routes: this.#routes.map(({ method, path, scope }) => ({ method, path, scope })),
      authenticators: this.#authenticators.map(({ name, order }) => ({ name, order })),
      exporters: this.#exporters.map((exporter) => ({
        name: exporter.name,
        spans: exporter.exportSpans !== undefined,
        metrics: exporter.exportMetrics !== undefined,
      })),
      health: this.#health !== undefined,
      listens: [...new Set(this.#listeners.flatMap(({ types }) => [...types]))],
    };
  }

  async start(signal: AbortSignal): Promise<undefined> {
    for (const start of this.#starts) await start(signal);
  }

  async stop(): Promise<undefined> {
    for (const stop of this.#stops.toReversed()) await stop();
  }

  async healthCheck(): Promise<PluginHealth> {
    return (await this.#health?.()) ?? { status: 'ok' };
  }

  tell(published: PublishedEvent): void {
    for (const { types, listener } of this.#listeners) if (types.has(published.event.type)) listener(published);
  }

  transform(index: number): Transform {
    return part(this.#transforms, index, 'transform');
  }

  authenticator(index: number): Authenticator {
    return part(this.#authenticators, index, 'authenticator');
  }

  exporter(index: number): TelemetryExporter {
    return part(this.#exporters, index, 'exporter');
  }

  async answerRoute(
    index: number,
    { query, ...request }: PlainRouteRequest,
    signal: AbortSignal,
  ): Promise<PlainRouteResponse> {
    const route = part(this.#routes, index, 'route');
    const { body, ...response } = await route.handle({ ...request, query: new URLSearchParams(query), signal });
    if (body === undefined || typeof body === 'string' || body instanceof Uint8Array)
      return { ...response, ...(body !== undefined && { body }) };
    const pieces: Buffer[] = [];
    for await (const piece of body) pieces.push(Buffer.from(piece));
    return { ...response, body: Buffer.concat(pieces) };
  }

  #host(options: unknown): PluginHost {
    return {
      log: this.#log,
      options,
      signal: this.#signal,
      transform: (transform) => void this.#transforms.push(transform),
      phase: (contribution) => {
        if ('intercept' in contribution) {
          throw invalid(
            `wrap calls (phase '${contribution.name}' with intercept)`,
            'use host.transform, or an observer in AUDIT, OBSERVABILITY or CLEANUP',
          );
        }
        this.observers.push(contribution);
      },
      route: (route) => void this.#routes.push(route),
      authenticator: (authenticator) => void this.#authenticators.push(authenticator),
      exporter: (exporter) => void this.#exporters.push(exporter),
      onStart: (run) => void this.#starts.push(run),
      onStop: (run) => void this.#stops.push(run),
      health: (check) => {
        this.#health = check;
      },
      on: (types: readonly LifecycleEventType[], listener) =>
        void this.#listeners.push({ types: new Set(types), listener }),
      provider: ({ id }) => {
        throw invalid(
          `bring a provider ('${id}')`,
          'let a trusted plugin register it with isolatedProvider of @golek/providers-spi/isolation, which gives the provider a process of its own',
        );
      },
      store: ({ name }) => {
        throw invalid(`bring a store ('${name}')`, 'run the plugin as a trusted one');
      },
      infer: (): AsyncIterable<InferenceEvent> => {
        throw invalid('run inferences (host.infer)', "run the plugin as a trusted one, or call the server's HTTP API");
      },
    };
  }
}
