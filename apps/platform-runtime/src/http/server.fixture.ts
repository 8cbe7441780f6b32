import {
  DEFAULT_TARGET_POLICY,
  dispatcher,
  Engine,
  EventBus,
  ExtensionPoints,
  GuardTable,
  ModelRegistry,
  routePhase,
  SessionPool,
  type TargetPolicy,
  UsageMeter,
  usagePhase,
  validationPhase,
} from '@golek/kernel';
import type { Authenticator, Log, PhaseContribution } from '@golek/plugins-api';
import { fakeProvider, type FakeModel, type FakeProvider } from '@golek/providers-spi/testing';
import { onTestFinished } from 'vitest';
import type { WebSocketOptions } from '../websocket/websocket-server.ts';
import type { HealthReport, RuntimeState } from './health.ts';
import { createHttpServer, type HttpConfig, type HttpServer } from './http-server.ts';
import type { OverrideReader } from './request-hints.ts';
import type { ResponseLimits } from './responses/response-limits.ts';
import type { Route } from './route.ts';
import type { StreamMetrics } from './streams/stream-metrics.ts';

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
  readonly sessions: SessionPool;
  readonly usage: UsageMeter;
  readonly extensions: ExtensionPoints;
  readonly events: EventBus;
  readonly lines: readonly LogLine[];
  /** Sends text and bytes as they are, anything else as JSON. */
  post(path: string, body: unknown, init?: RequestInit): Promise<Response>;
}

export const CONFIG: HttpConfig = {
  host: '127.0.0.1',
  port: 0,
  bodyLimitBytes: 1_048_576,
  requestTimeoutMs: 10_000,
  heartbeatMs: 10_000,
  writeTimeoutMs: 10_000,
  maxConnections: 1000,
  resumeWindowMs: 10_000,
  resumeBufferBytes: 1_048_576,
  resumeTotalBytes: 67_108_864,
  allowUnauthenticated: false,
  origins: [],
};

/** What the server itself does with failures shall show, not what repeats them. */
const ONE_TRY: TargetPolicy = {
  ...DEFAULT_TARGET_POLICY,
  retry: { ...DEFAULT_TARGET_POLICY.retry, attempts: 1 },
  breaker: { ...DEFAULT_TARGET_POLICY.breaker, mode: 'off' },
};

export interface ServeOptions {
  readonly config?: Partial<HttpConfig>;
  readonly phases?: readonly PhaseContribution[];
  readonly state?: () => RuntimeState;
  readonly routes?: readonly Route[];
  /** Default 1. */
  readonly firstEventId?: number;
  /** Installed before the server listens. */
  readonly authenticators?: readonly Authenticator[];
  readonly health?: readonly HealthReport[];
  readonly readOverrides?: OverrideReader;
  readonly responses?: () => ResponseLimits;
  readonly streamMetrics?: StreamMetrics;
  readonly webSockets?: WebSocketOptions;
}

/** Starts a server for the running test and stops it afterwards. */
export const serve = async (
  models: Readonly<Record<string, FakeModel>> = { tiny: {} },
  {
    config = {},
    phases = [],
    state = () => 'running',
    authenticators = [],
    firstEventId = 1,
    ...given
  }: ServeOptions = {},
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
  const events = new EventBus({ node: 'test', log, firstId: firstEventId });
  const extensions = new ExtensionPoints({
    providers: [provider],
    phases: [routePhase(registry), validationPhase({ maxTools: 128, maxInputs: 2048 }), usagePhase(usage), ...phases],
  });
  await extensions.change({ authenticators: { remove: [], add: authenticators } });
  const sessions = new SessionPool({ providers: extensions.providers, failureMemoryMs: 0 });
  const guards = new GuardTable({ policyOf: () => ONE_TRY });
  const engine = new Engine({
    dispatch: dispatcher({ models: registry, sessions, guards }),
    log,
    phases: extensions.phases,
  });
  const server = createHttpServer({
    engine,
    models: registry,
    sessions,
    usage,
    log,
    version: '0.0.0-test',
    state,
    extensions,
    events,
    ...given,
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
    sessions,
    usage,
    extensions,
    events,
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
