import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { GolekError } from '@golek/api';
import type { Engine, ModelRegistry, SessionPool, UsageMeter } from '@golek/kernel';
import type { Log } from '@golek/plugins-api';
import fastify, { type FastifyReply, type FastifyRequest } from 'fastify';
import { answerClientError } from './client-error.ts';
import { Exchange } from './exchange.ts';
import { frameworkError } from './framework-errors.ts';
import { inferenceRoutes } from './inference-routes.ts';
import { listenOn, type HttpAddress } from './listen.ts';
import { refuseForeignHost, refuseOpenAddress } from './listen-guard.ts';
import { requestIdOf } from './request-id.ts';
import type { Route } from './route.ts';
import { stateRoutes } from './state-routes.ts';
import { answerUnknownRoute } from './unknown-route.ts';

export interface HttpConfig {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly bodyLimitBytes: number;
  /** For receiving a request, its body included, milliseconds; not for answering it. */
  readonly requestTimeoutMs: number;
  /** A stream that is silent for so long gets a comment, milliseconds. */
  readonly heartbeatMs: number;
  /** A client that reads nothing of a stream for so long is cut off, milliseconds. */
  readonly writeTimeoutMs: number;
  /** Connections beyond it are closed at once. */
  readonly maxConnections: number;
  /** Listen where others can connect although nobody is authenticated. */
  readonly allowUnauthenticated: boolean;
}

export interface HttpDeps {
  readonly engine: Pick<Engine, 'run' | 'inFlight'>;
  readonly models: Pick<ModelRegistry, 'list' | 'names' | 'resolve'>;
  readonly sessions: Pick<SessionPool, 'status'>;
  readonly usage: Pick<UsageMeter, 'totals'>;
  readonly log: Log;
  readonly config: HttpConfig;
  readonly version: string;
  /** False before the runtime has started and once it stops. */
  readonly ready: () => boolean;
  /** Routes that modules bring. */
  readonly routes?: readonly Route[];
}

export interface HttpServer {
  /** Where it listens. Throws before `listen`. */
  readonly address: HttpAddress;
  /** Throws `config_invalid` when the address cannot be used. */
  listen(): Promise<void>;
  /** Takes no new connections and waits for the open answers. When `signal` is aborted, what is still open is cut. Idempotent. */
  close(signal?: AbortSignal): Promise<void>;
}

/** Idle time after which a connection is closed, milliseconds: above that of common load balancers, which reuse connections. */
const KEEP_ALIVE_MS = 75_000;
/** While the server closes, connections that have become idle are looked for so often, milliseconds. */
const IDLE_CHECK_MS = 50;

/** Makes the server of the platform's API. Throws `config_invalid` for an open address without authentication. */
export const createHttpServer = async (deps: HttpDeps): Promise<HttpServer> => {
  const { config, log, engine, models } = deps;
  refuseOpenAddress(config.host, config.allowUnauthenticated);
  let closing: Promise<void> | undefined;

  const routes: readonly Route[] = [
    ...inferenceRoutes({
      engine,
      models,
      limits: config,
    }),
    ...stateRoutes({ ...deps, closing: () => closing !== undefined }),
    ...(deps.routes ?? []),
  ];

  const fail = (exchange: Exchange, thrown: unknown): void => {
    const error = thrown instanceof GolekError ? thrown : frameworkError(thrown as Error, config.bodyLimitBytes);
    if (error.code === 'internal' && !(thrown instanceof GolekError)) {
      log.error({ request: exchange.id, err: thrown }, 'a request failed in the HTTP server');
    }
    exchange.abort(error);
    exchange.sendError(error);
  };

  const exchangeOf = (request: FastifyRequest, reply: FastifyReply): Exchange => {
    reply.hijack();
    return new Exchange({
      id: request.id,
      request: request.raw,
      response: reply.raw,
      body: request.body as Buffer | undefined,
      // Null where the router could not read the path.
      parameters: (request.params as Readonly<Record<string, string>> | null) ?? {},
    });
  };

  const answer = async (route: Route, exchange: Exchange): Promise<void> => {
    try {
      await route.handle(exchange);
    } catch (thrown) {
      fail(exchange, thrown);
    }
  };

  const app = fastify({
    logger: false,
    bodyLimit: config.bodyLimitBytes,
    genReqId: (request) => requestIdOf(request.headers['x-request-id']),
    return503OnClosing: false,
    routerOptions: { ignoreTrailingSlash: true },
    frameworkErrors: (error, request, reply) => fail(exchangeOf(request, reply), error),
  });
  app.removeAllContentTypeParsers();
  // Bodies are collected here and read by the handlers: their type and text are checked in one place.
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.setErrorHandler((error, request, reply) => fail(exchangeOf(request, reply), error));
  app.setNotFoundHandler((request, reply) => answerUnknownRoute(exchangeOf(request, reply), routes));
  for (const route of routes) {
    app.route({
      method: route.method,
      url: route.path,
      handler: (request, reply) => {
        void answer(route, exchangeOf(request, reply));
      },
    });
  }
  await app.ready();

  /** The latest answer of each connection. */
  const latest = new WeakMap<Socket, ServerResponse>();
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    latest.set(request.socket, response);
    if (closing) response.setHeader('connection', 'close');
    const foreign = config.allowUnauthenticated ? undefined : refuseForeignHost(request.headers.host);
    if (foreign) {
      const id = requestIdOf(request.headers['x-request-id']);
      new Exchange({ id, request, response, body: undefined, parameters: {} }).sendError(foreign);
      return;
    }
    app.routing(request, response);
  };
  const server = createServer(
    {
      requestTimeout: config.requestTimeoutMs,
      headersTimeout: config.requestTimeoutMs,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: Math.max(100, Math.min(30_000, Math.ceil(config.requestTimeoutMs / 4))),
      // A request without a host gets the error object of this server instead of Node's empty answer.
      requireHostHeader: false,
    },
    onRequest,
  );
  server.maxConnections = config.maxConnections;
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    log.debug({ code: error.code }, 'a connection sent what is not a request');
    answerClientError(error, socket, latest.get(socket));
  });
  server.on('drop', () => {
    log.warn({ maxConnections: config.maxConnections }, 'a connection was closed: there are too many');
  });

  const close = async (signal?: AbortSignal): Promise<void> => {
    const cut = (): void => server.closeAllConnections();
    signal?.addEventListener('abort', cut, { once: true });
    const idle = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS);
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    if (signal?.aborted) cut();
    await closed;
    clearInterval(idle);
    signal?.removeEventListener('abort', cut);
    await app.close();
  };

  const listening = listenOn(server, config);
  return {
    get address() {
      return listening.address;
    },
    listen: () => listening.start(),
    close: (signal) => (closing ??= close(signal)),
  };
};
