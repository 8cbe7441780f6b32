import path from 'node:path';
import type { PublishedEvent } from '@golek/api';
import type {
  Authenticator,
  HttpRoute,
  Log,
  PhaseContribution,
  PluginHealth,
  PluginHost,
  RouteResponse,
  TelemetryExporter,
} from '@golek/plugins-api';

export const UNTRUSTED = path.join(import.meta.dirname, 'untrusted-plugin.fixture.ts');

const { signal } = new AbortController();

/** A small host that keeps what a plugin registers. */
export class TestHost {
  readonly lines: { readonly level: string; readonly fields: Record<string, unknown>; readonly message: string }[] = [];
  readonly phases: PhaseContribution[] = [];
  readonly routes: HttpRoute[] = [];
  readonly authenticators: Authenticator[] = [];
  readonly exporters: TelemetryExporter[] = [];
  readonly starts: ((signal: AbortSignal) => void | Promise<void>)[] = [];
  readonly stops: (() => void | Promise<void>)[] = [];
  listeners: ((event: PublishedEvent) => void)[] = [];
  check: () => PluginHealth | Promise<PluginHealth> = () => ({ status: 'ok' });
  readonly stopping = new AbortController();

  host(options: unknown): PluginHost {
    const to = (level: keyof Log) => (fields: object, message: string) =>
      void this.lines.push({ level, fields: { ...fields }, message });
    return {
      log: { debug: to('debug'), info: to('info'), warn: to('warn'), error: to('error') },
      options,
      signal: this.stopping.signal,
      phase: (item) => void this.phases.push(item),
      route: (item) => void this.routes.push(item),
      authenticator: (item) => void this.authenticators.push(item),
      exporter: (item) => void this.exporters.push(item),
      onStart: (run) => void this.starts.push(run),
      onStop: (run) => void this.stops.push(run),
      on: (_types, listener) => void this.listeners.push(listener),
      health: (check) => {
        this.check = check;
      },
    } as PluginHost;
  }

  async post(what: string, body = '', query = ''): Promise<RouteResponse> {
    const [route] = this.routes;
    if (!route) throw new Error('the plugin has no route');
    return route.handle({
      id: 'r',
      method: 'POST',
      path: `/untrusted/${what}`,
      query: new URLSearchParams(query),
      params: { what },
      headers: {},
      body: Buffer.from(body),
      principal: { id: 'p', tenant: 'acme', scopes: [] },
      signal,
    });
  }

  async text(what: string): Promise<string> {
    return Buffer.from((await this.post(what)).body as string | Uint8Array).toString();
  }
}
