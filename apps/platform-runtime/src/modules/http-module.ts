import { collectionToken, ENGINE, LOG, MODELS, serviceToken, SESSIONS, USAGE, type SystemModule } from '@golek/system';
import { httpConfig } from '../config/http-config.ts';
import { createHttpServer, type HttpServer, type Route } from '../http/index.ts';
import { VERSION } from '../version.ts';
import { CATALOGUE } from './models-module.ts';

export const HTTP_SERVER = serviceToken<HttpServer>('http server');
/** Contribute routes to the server; each contribution is a list. */
export const HTTP_ROUTES = collectionToken<readonly Route[]>('http routes');

/** Calls were drained before: what is still open then has this long to reach its client, milliseconds. */
const CLOSE_LIMIT_MS = 2_000;

/** The platform's API over HTTP. It listens once everything that it needs has started. */
export const httpModule = (ready: () => boolean): SystemModule => ({
  name: 'http',
  config: [httpConfig],
  register: (registrar, { configuration }) => {
    const {
      host,
      port,
      bodyLimitBytes,
      requestTimeoutMs,
      heartbeatMs,
      writeTimeoutMs,
      maxConnections,
      allowUnauthenticated,
    } = configuration.get(httpConfig);
    const config = {
      host,
      port,
      bodyLimitBytes,
      requestTimeoutMs,
      heartbeatMs,
      writeTimeoutMs,
      maxConnections,
      allowUnauthenticated,
    };
    registrar.register({
      token: HTTP_SERVER,
      needs: [ENGINE, MODELS, SESSIONS, USAGE, LOG, HTTP_ROUTES, CATALOGUE],
      create: (engine, models, sessions, usage, log, routes) =>
        createHttpServer({
          engine,
          models,
          sessions,
          usage,
          log,
          config,
          version: VERSION,
          ready,
          routes: routes.flat(),
        }),
      start: (server) => server.listen(),
      stop: (server) => server.close(AbortSignal.timeout(CLOSE_LIMIT_MS)),
    });
  },
});
