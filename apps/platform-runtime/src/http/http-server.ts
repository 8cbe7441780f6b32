import { createServer, type IncomingMessage, type ServerOptions, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { GolekError, type Principal } from '@golek/api';
import type { Engine, EventBus, ExtensionPoints, ModelRegistry, SessionPool, UsageMeter } from '@golek/kernel';
import type { Log } from '@golek/plugins-api';
import { websocketRoute } from '../websocket/websocket-route.ts';
import { WebSockets, type WebSocketOptions } from '../websocket/websocket-server.ts';
import { eventRoutes } from './admin/event-routes.ts';
import { ANTHROPIC_ERRORS, speaksAnthropic } from './anthropic/form.ts';
import { anthropicMessageRoutes } from './anthropic/message-routes.ts';
import { Authentication } from './authentication.ts';
import { answerClientError } from './client-error.ts';
import { answerPreflight, openToPage } from './cross-origin.ts';
import { Exchange } from './exchange.ts';
import type { HealthReport, RuntimeState } from './health.ts';
import type { HttpTelemetry } from './http-telemetry.ts';
import { inferenceRoutes } from './inference-routes.ts';
import { kserveInferenceRoutes } from './kserve/inference-routes.ts';
import { KserveService } from './kserve/kserve-service.ts';
import { kserveStateRoutes } from './kserve/state-routes.ts';
import { listenOn, type HttpAddress } from './listen.ts';
import { ollamaAbsentRoutes } from './ollama/absent-routes.ts';
import { ollamaInferenceRoutes } from './ollama/inference-routes.ts';
import { ollamaStateRoutes } from './ollama/state-routes.ts';
import { refuseOpenAddress } from './listen-guard.ts';
import { PluginRoutes } from './plugin-routes.ts';
import { readBody } from './read-body.ts';
import { requestIdOf } from './request-id.ts';
import type { OverrideReader } from './request-hints.ts';
import { DEFAULT_RESPONSE_LIMITS, type ResponseLimits } from './responses/response-limits.ts';
import { responseRoutes } from './responses/response-routes.ts';
import type { Route } from './route.ts';
import { RouteTable, type FoundRoute } from './route-table.ts';
import { tlsOptions, type TlsMaterial } from './server-tls.ts';
import { stateRoutes } from './state-routes.ts';
import type { ResumeLimits } from './streams/kept-stream.ts';
import { RESUMABLE_HEADER, StreamKeeper } from './streams/stream-keeper.ts';
import type { StreamMetrics } from './streams/stream-metrics.ts';
import { streamRoutes } from './streams/stream-routes.ts';
import { answerUnknownRoute } from './unknown-route.ts';

export interface HttpConfig extends HttpLimits {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** For receiving a request, its body included, milliseconds; not for answering it. */
  readonly requestTimeoutMs: number;
  /** Connections beyond it are closed at once. */
  readonly maxConnections: number;
}

/** What can change while the server works. */
export interface HttpLimits extends ResumeLimits {
  readonly bodyLimitBytes: number;
  /** A stream that is silent for so long gets a comment, milliseconds. */
  readonly heartbeatMs: number;
  /** A client that reads nothing of a stream for so long is cut off, milliseconds. */
  readonly writeTimeoutMs: number;
  /** Answer requests without credentials although the address can be reached from elsewhere. */
  readonly allowUnauthenticated: boolean;
  /** Whoever sends it as `Authorization: Bearer …` administers the server. */
  readonly adminToken?: string | undefined;
  /** Web pages of these origins may use it; `*` is every one. */
  readonly origins: readonly string[];
  /** Its certificate may change, but not whether there is one. */
  readonly tls?: TlsMaterial;
}

export interface HttpDeps {
  readonly engine: Pick<Engine, 'run' | 'inFlight'>;
  readonly models: Pick<ModelRegistry, 'list' | 'names' | 'resolve' | 'routes'>;
  readonly sessions: Pick<SessionPool, 'status' | 'load' | 'unload'>;
  readonly usage: Pick<UsageMeter, 'totals'>;
  readonly log: Log;
  readonly config: HttpConfig;
  readonly version: string;
  readonly state: () => RuntimeState;
  /** Routes that modules bring. */
  readonly routes?: readonly Route[];
  /** Where plugins add routes and authenticators. */
  readonly extensions?: Pick<ExtensionPoints, 'routes' | 'authenticators'>;
  /** Shown by the admin feed of lifecycle events. */
  readonly events?: Pick<EventBus, 'stream'>;
  /** What limps, for GET /health/ready. */
  readonly health?: readonly HealthReport[];
  readonly telemetry?: HttpTelemetry;
  readonly streamMetrics?: StreamMetrics;
  /** Bounds of what the Responses API keeps. */
  readonly responses?: () => ResponseLimits;
  /** Absent: no WebSockets. */
  readonly webSockets?: WebSocketOptions;
  /** Absent: requests cannot set anything. */
  readonly readOverrides?: OverrideReader;
}

export interface HttpServer {
  /** Where it listens. Throws before `listen`. */
  readonly address: HttpAddress;
  /** True when models cannot be used without credentials. */
  readonly guarded: boolean;
  /** Tells who makes a request, for other servers beside this one. */
  readonly authentication: Pick<Authentication, 'admit' | 'refusal'>;
  /** Throws `config_invalid` when the address cannot be used, and for an open address without authentication. */
  listen(): Promise<void>;
  /** Works with these from now on. Throws `config_invalid` with nothing changed. */
  configure(limits: HttpLimits): void;
  /**
   * Ends feeds at once, refuses new requests to plugins and waits for those in progress; after `graceMs` milliseconds it cuts them off. Calls of the engine are the engine's own.
   * @returns true when all ended by themselves.
   */
  drain(graceMs: number): Promise<boolean>;
  /** Takes no new connections and waits for the open answers. When `signal` is aborted, what is still open is cut. Idempotent. */
  close(signal?: AbortSignal): Promise<void>;
}

/** Idle time after which a connection is closed, milliseconds: above that of common load balancers, which reuse connections. */
const KEEP_ALIVE_MS = 75_000;
/** While the server closes, connections that have become idle are looked for so often, milliseconds. */
const IDLE_CHECK_MS = 50;

/** Makes the server of the platform's API. Throws `config_invalid` for an administrator's token that can be guessed. */
export const createHttpServer = (deps: HttpDeps): HttpServer => {
  const { config, log, extensions, telemetry } = deps;
  let limits: HttpLimits = config;
  let closing: Promise<void> | undefined;
  const ending = new AbortController();

  const authentication = new Authentication(config, log);
  const keeper = new StreamKeeper({ limits: () => limits, log, metrics: deps.streamMetrics });
  const running = { ...deps, limits: () => limits, readOverrides: deps.readOverrides ?? noOverrides };
  const kserve = new KserveService({
    ...deps,
    state: () => (closing ? 'stopping' : deps.state()),
  });
  const own: readonly Route[] = [
    ...inferenceRoutes(running),
    ...responseRoutes({ ...running, responses: deps.responses ?? (() => DEFAULT_RESPONSE_LIMITS) }),
    ...anthropicMessageRoutes(running),
    ...ollamaInferenceRoutes(running),
    ...ollamaStateRoutes(deps),
    ...ollamaAbsentRoutes,
    ...kserveInferenceRoutes({ ...running, kserve }),
    ...kserveStateRoutes({ kserve }),
    ...stateRoutes({ ...deps, closing: () => closing !== undefined, routes: () => own }),
    ...streamRoutes(keeper),
    ...(deps.webSockets ? [websocketRoute] : []),
    ...(deps.events ? eventRoutes({ events: deps.events, limits: () => limits, ending: ending.signal }) : []),
    ...(deps.routes ?? []),
  ];
  const table = new RouteTable(own);
  const plugins = new PluginRoutes(own, limits, log);
  const consumers = [
    extensions?.routes.consume(plugins),
    extensions?.authenticators.consume({ apply: (items) => authentication.use(items) }),
  ];

  const fail = (exchange: Exchange, thrown: unknown): void => {
    const error = thrown instanceof GolekError ? thrown : failureOf(thrown);
    if (!(thrown instanceof GolekError)) {
      log.error(
        { request: exchange.id, trace: exchange.trace?.traceId, err: thrown },
        'a request failed in the HTTP server',
      );
    }
    exchange.abort(error);
    const { response } = exchange;
    // Part of an answer has gone: only the end of the connection can still tell that it failed.
    if (response.headersSent && !response.writableEnded) response.destroy();
    else exchange.sendError(error);
  };

  const answer = (exchange: Exchange, route: Route): void => {
    try {
      const plain = exchange.request.headers[RESUMABLE_HEADER] === undefined;
      const handled = plain ? route.handle(exchange) : keeper.handle(exchange, route);
      handled?.catch((thrown: unknown) => fail(exchange, thrown));
    } catch (thrown) {
      fail(exchange, thrown);
    }
  };

  const receive = (exchange: Exchange, route: Route, principal: Principal): void => {
    exchange.principal = principal;
    if (route.method === 'GET' || route.readsBody) return answer(exchange, route);
    readBody(exchange.request, limits.bodyLimitBytes, (error, body) => {
      if (error) return fail(exchange, error);
      exchange.body = body;
      answer(exchange, route);
    });
  };

  const dispatch = (exchange: Exchange, { route, parameters }: FoundRoute): void => {
    exchange.parameters = parameters;
    if (route.errors) exchange.errors = route.errors;
    exchange.trace = telemetry?.begin(exchange, route);
    const principal = authentication.admit(exchange, route.scope);
    if (!(principal instanceof Promise)) return receive(exchange, route, principal);
    principal.then(
      (known) => receive(exchange, route, known),
      (thrown: unknown) => fail(exchange, thrown),
    );
  };

  /** The latest answer of each connection. */
  const latest = new WeakMap<Socket, ServerResponse>();
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    latest.set(request.socket, response);
    if (closing) response.setHeader('connection', 'close');
    const exchange = new Exchange(requestIdOf(request.headers['x-request-id']), request, response);
    // Also where no route is found: the client reads no other form.
    if (speaksAnthropic(request.headers)) exchange.errors = ANTHROPIC_ERRORS;
    try {
      // First, so that pages can read refusals too.
      if (request.headers.origin !== undefined) openToPage(exchange, limits.origins, [table, plugins.table]);
      const refusal = authentication.refusal(exchange);
      if (refusal) return exchange.sendError(refusal);
      const { method = '', url = '' } = request;
      const found = table.find(method, url) ?? plugins.table.find(method, url);
      if (found) dispatch(exchange, found);
      else {
        telemetry?.begin(exchange, undefined);
        const tables = [table, plugins.table];
        if (!answerPreflight(exchange, tables)) answerUnknownRoute(exchange, tables);
      }
    } catch (thrown) {
      fail(exchange, thrown);
    }
  };
  const sockets = deps.webSockets
    ? new WebSockets({
        ...running,
        ...deps.webSockets,
        authentication,
        onRefused: (exchange) => void telemetry?.begin(exchange, websocketRoute),
      })
    : undefined;
  const options: ServerOptions = {
    shouldUpgradeCallback: (request) => sockets?.wants(request) ?? false,
    requestTimeout: config.requestTimeoutMs,
    headersTimeout: config.requestTimeoutMs,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: Math.max(100, Math.min(30_000, Math.ceil(config.requestTimeoutMs / 4))),
    // A request without a host gets the error object of this server instead of Node's empty answer.
    requireHostHeader: false,
  };
  const tls = tlsOptions('http', config.tls);
  const server = tls
    ? createTlsServer({ ...options, ...tls, handshakeTimeout: config.requestTimeoutMs }, onRequest)
    : createServer(options, onRequest);
  if (sockets) {
    server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
      // An answer in progress on the connection leaves no room for another.
      if (latest.get(socket)?.writableFinished === false) socket.destroy();
      else void sockets.upgrade(request, socket, head);
    });
  }
  server.maxConnections = config.maxConnections;
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    log.debug({ code: error.code }, 'a connection sent what is not a request');
    answerClientError(error, socket, latest.get(socket));
  });
  server.on('drop', () => {
    log.warn({ maxConnections: config.maxConnections }, 'a connection was closed: there are too many');
  });

  let opened = false;
  /** Told once for each time that it becomes so. */
  const warnOfAnyPage = (): void => {
    const open = limits.origins.includes('*') && !authentication.demanded;
    if (open && !opened) {
      log.warn(
        { host: config.host },
        "http.origins has '*' and nobody needs credentials to use the models: every web page can, in the browser of whoever reaches this server; name the origins, or install an authenticator",
      );
    }
    opened = open;
  };

  const endFeeds = (): void => ending.abort(new GolekError('shutting_down', 'the server stops'));

  const close = async (signal?: AbortSignal): Promise<void> => {
    endFeeds();
    keeper.stop();
    sockets?.close();
    const cut = (): void => {
      server.closeAllConnections();
      sockets?.terminate();
    };
    signal?.addEventListener('abort', cut, { once: true });
    const idle = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS);
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    if (signal?.aborted) cut();
    await closed;
    clearInterval(idle);
    signal?.removeEventListener('abort', cut);
    for (const consumer of consumers) consumer?.[Symbol.dispose]();
  };

  const listening = listenOn(server, config);
  return {
    authentication,
    get address() {
      return listening.address;
    },
    get guarded() {
      return authentication.demanded;
    },
    listen: async () => {
      refuseOpenAddress(config.host, limits.allowUnauthenticated || authentication.installed);
      warnOfAnyPage();
      await listening.start();
    },
    configure: (changed) => {
      const renewed = tlsOptions('http', changed.tls);
      authentication.configure({ ...changed, host: config.host });
      if (renewed && server instanceof TlsServer) server.setSecureContext(renewed);
      limits = changed;
      warnOfAnyPage();
      plugins.limits = changed;
    },
    drain: async (graceMs) => {
      endFeeds();
      keeper.stop();
      const ended = await Promise.all([plugins.drain(graceMs), sockets?.drain(graceMs)]);
      return !ended.includes(false);
    },
    close: (signal) => (closing ??= close(signal)),
  };
};

const failureOf = (thrown: unknown): GolekError =>
  new GolekError('internal', 'the server failed on this request; its log has the cause', { cause: thrown });

const noOverrides: OverrideReader = () => {
  throw new GolekError('unsupported', 'this server takes no settings from requests; leave x-golek-config out');
};
