import {
  collectionToken,
  ENGINE,
  EVENTS,
  EXTENSIONS,
  LOG,
  METRICS,
  MODELS,
  serviceToken,
  SESSIONS,
  TRACING,
  USAGE,
  type CheckProblem,
  type ConfigOf,
  type SystemModule,
} from '@golek/system';
import { httpConfig } from '../config/http-config.ts';
import { responsesConfig } from '../config/responses-config.ts';
import { websocketConfig } from '../config/websocket-config.ts';
import {
  createHttpServer,
  weaknessOf,
  type HealthReport,
  type HttpConfig,
  type HttpServer,
  type Route,
} from '../http/index.ts';
import { RequestTelemetry } from '../http/request-telemetry.ts';
import { tlsChange } from '../http/server-tls.ts';
import { StreamMetrics } from '../http/streams/stream-metrics.ts';
import type { PlatformLifecycle } from '../platform.ts';
import { VERSION } from '../version.ts';
import { SocketTelemetry } from '../websocket/socket-telemetry.ts';
import { FOLLOWER } from './models-module.ts';

export const HTTP_SERVER = serviceToken<HttpServer>('http server');
/** Contribute routes to the server; each contribution is a list. */
export const HTTP_ROUTES = collectionToken<readonly Route[]>('http routes');
/** Contribute what tells GET /health/ready about parts that do not work as they should. */
export const HEALTH_REPORTS = collectionToken<HealthReport>('health reports');

/** Calls were drained before: what is still open then has this long to reach its client, milliseconds. */
const CLOSE_LIMIT_MS = 2_000;

const configOf = (values: ConfigOf<typeof httpConfig>): HttpConfig => ({
  host: values.host,
  port: values.port,
  bodyLimitBytes: values.bodyLimitBytes,
  requestTimeoutMs: values.requestTimeoutMs,
  heartbeatMs: values.heartbeatMs,
  writeTimeoutMs: values.writeTimeoutMs,
  maxConnections: values.maxConnections,
  resumeWindowMs: values.resumeWindowMs,
  resumeBufferBytes: values.resumeBufferBytes,
  resumeTotalBytes: values.resumeTotalBytes,
  allowUnauthenticated: values.allowUnauthenticated,
  adminToken: values.adminToken,
  origins: values.origins,
  tls: values.tls,
});

const problemsOf = (
  { adminToken, tls }: ConfigOf<typeof httpConfig>,
  begun: ConfigOf<typeof httpConfig>,
): readonly CheckProblem[] => {
  const message = weaknessOf(adminToken);
  return [
    ...(message === undefined ? [] : [{ key: 'http.adminToken', message }]),
    ...tlsChange('http', begun.tls, tls),
  ];
};

/** The platform's API over HTTP. It listens once everything that it needs has started. */
export const httpModule = ({ state, onDrain }: PlatformLifecycle): SystemModule => ({
  name: 'http',
  config: [httpConfig, responsesConfig, websocketConfig],
  register: (registrar, { configuration }) => {
    registrar.register({
      token: HTTP_SERVER,
      needs: [
        ENGINE,
        MODELS,
        SESSIONS,
        USAGE,
        LOG,
        EXTENSIONS,
        EVENTS,
        HTTP_ROUTES,
        HEALTH_REPORTS,
        TRACING,
        METRICS,
        FOLLOWER,
      ],
      create: (engine, models, sessions, usage, log, extensions, events, routes, health, tracing, metrics) => {
        const server = createHttpServer({
          engine,
          models,
          sessions,
          usage,
          log,
          config: configOf(configuration.get(httpConfig)),
          version: VERSION,
          state,
          routes: routes.flat(),
          extensions,
          events,
          health,
          telemetry: new RequestTelemetry(tracing, metrics),
          streamMetrics: new StreamMetrics(metrics),
          responses: () => configuration.get(responsesConfig),
          webSockets: {
            settings: (tenant) => configuration.effective(websocketConfig, { tenant }),
            socketTelemetry: new SocketTelemetry(tracing, metrics),
          },
          readOverrides: (text) => configuration.readOverrides(text),
        });
        const begun = configuration.get(httpConfig);
        configuration.check(httpConfig, (values) => problemsOf(values, begun));
        configuration.watch(httpConfig, (values) => server.configure(configOf(values)));
        onDrain((graceMs) => server.drain(graceMs));
        return server;
      },
      start: (server) => server.listen(),
      stop: (server) => server.close(AbortSignal.timeout(CLOSE_LIMIT_MS)),
    });
  },
});
