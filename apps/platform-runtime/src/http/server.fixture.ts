import {
  dispatcher,
  Engine,
  ExtensionPoint,
  ModelRegistry,
  routePhase,
  SessionPool,
  UsageMeter,
  usagePhase,
  validationPhase,
} from '@golek/kernel';
import type { Log, PhaseContribution } from '@golek/plugins-api';
import type { Provider } from '@golek/providers-spi';
import { fakeProvider, type FakeModel, type FakeProvider } from '@golek/providers-spi/testing';
import { onTestFinished } from 'vitest';
import { createHttpServer, type HttpConfig, type HttpServer } from './http-server.ts';

export interface LogLine {
  readonly level: keyof Log;
  readonly fields: object;
  readonly message: string;
}

/** A server over a real kernel with one fake provider, whose models are registered under their locations. */
export interface TestServer {
  readonly url: string;
  readonly server: HttpServer;
  readonly engine: Engine;
  readonly provider: FakeProvider;
  readonly registry: ModelRegistry;
  readonly lines: readonly LogLine[];
  /** Sends text and bytes as they are, anything else as JSON. */
  post(path: string, body: unknown, init?: RequestInit): Promise<Response>;
}

const CONFIG: HttpConfig = {
  host: '127.0.0.1',
  port: 0,
  bodyLimitBytes: 1_048_576,
  requestTimeoutMs: 10_000,
  heartbeatMs: 10_000,
  writeTimeoutMs: 10_000,
  maxConnections: 1000,
  allowUnauthenticated: false,
};

export interface ServeOptions {
  readonly config?: Partial<HttpConfig>;
  readonly phases?: readonly PhaseContribution[];
  readonly ready?: () => boolean;
}

/** Starts a server for the running test and stops it afterwards. */
export const serve = async (
  models: Readonly<Record<string, FakeModel>> = { tiny: {} },
  { config = {}, phases = [], ready = () => true }: ServeOptions = {},
): Promise<TestServer> => {
  const provider = fakeProvider({ models });
  const registry = new ModelRegistry();
  const { signal } = new AbortController();
  for (const name of Object.keys(models)) {
    const source = { name, location: name };
    registry.register({ source, manifest: await provider.inspect(source, { signal }) });
  }
  const lines: LogLine[] = [];
  const line =
    (level: keyof Log) =>
    (fields: object, message: string): void => {
      lines.push({ level, fields, message });
    };
  const log = { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') };
  const usage = new UsageMeter();
  const sessions = new SessionPool({
    providers: new Map<string, Provider>([[provider.id, provider]]),
    failureMemoryMs: 0,
  });
  const engine = new Engine({
    dispatch: dispatcher(registry, sessions),
    log,
    phases: new ExtensionPoint<PhaseContribution>('phases', [
      routePhase(registry),
      validationPhase({ maxTools: 128, maxInputs: 2048 }),
      usagePhase(usage),
      ...phases,
    ]),
  });
  const server = await createHttpServer({
    engine,
    models: registry,
    sessions,
    usage,
    log,
    version: '0.0.0-test',
    ready,
    config: { ...CONFIG, ...config },
  });
  await server.listen();
  onTestFinished(async () => {
    await engine.drain(0);
    await server.close(AbortSignal.timeout(1000));
    await sessions[Symbol.asyncDispose]();
  });
  const { url } = server.address;
  return {
    url,
    server,
    engine,
    provider,
    registry,
    lines,
    post: (path, body, init = {}) =>
      fetch(url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
        ...init,
      }),
  };
};

export const chat = (fields: object = {}): Record<string, unknown> => ({
  model: 'tiny',
  messages: [{ role: 'user', content: 'hello' }],
  ...fields,
});
