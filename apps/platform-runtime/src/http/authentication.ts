import { hash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { GolekError, LOCAL_PRINCIPAL, type Principal } from '@golek/api';
import { abortable } from '@golek/kernel';
import type { Authenticator, Log, TraceContext } from '@golek/plugins-api';
import { originHost } from './foreign-page.ts';
import { isLocalHost, isLoopback } from './listen-guard.ts';
import { ADMINISTRATOR, ANONYMOUS, NOBODY } from './principals.ts';
import type { RouteScope } from './route.ts';

export interface AuthenticationConfig {
  /** Address that the server listens on. */
  readonly host: string;
  /** Whoever sends it as `Authorization: Bearer …` administers the server. */
  readonly adminToken?: string | undefined;
  /** Answer requests without credentials although the address can be reached from elsewhere. */
  readonly allowUnauthenticated: boolean;
}

/** Who asks for something, over HTTP or over gRPC. */
export interface Asker {
  readonly id: string;
  /** Ends what is found out about it. */
  readonly signal: AbortSignal;
  readonly trace: TraceContext | undefined;
  readonly request: {
    readonly headers: IncomingHttpHeaders;
    readonly socket: { readonly remoteAddress?: string | undefined };
  };
}

/** Each authenticator has this long, milliseconds. */
const LIMIT_MS = 10_000;
/** Fewer characters can be guessed. */
const SHORTEST_TOKEN = 16;

const BEARER = /^bearer +(\S.*)$/i;

/** A bearer token, or the key in the header of Anthropic's clients. */
const shownIn = ({ authorization, 'x-api-key': key }: IncomingHttpHeaders): string | undefined =>
  authorization === undefined ? (typeof key === 'string' ? key : undefined) : BEARER.exec(authorization)?.[1];

/** The headers as authenticators look at them: a key stands where bearer tokens do. */
const withBearer = (headers: IncomingHttpHeaders): IncomingHttpHeaders => {
  if (headers.authorization !== undefined || headers['x-api-key'] === undefined) return headers;
  return { ...headers, authorization: `Bearer ${shownIn(headers) ?? ''}` };
};

const showsSomething = ({ authorization, 'x-api-key': key }: IncomingHttpHeaders): boolean =>
  authorization !== undefined || key !== undefined;

const digest = (text: string): Buffer => hash('sha256', text, 'buffer');

const byOrder = (a: Authenticator, b: Authenticator): number => (a.order ?? 0) - (b.order ?? 0);

/** Why a token can be guessed; undefined when it cannot. */
export const weaknessOf = (token: string | undefined): string | undefined =>
  token === undefined || token.length >= SHORTEST_TOKEN
    ? undefined
    : `http.adminToken has ${token.length} characters; give it at least ${SHORTEST_TOKEN} random ones`;

/**
 * Tells who makes a request; docs/adr/0013 has the whole table. The administrator's token is looked at first, so that no plugin can lock the administrator out; then
 * the authenticators, in order; then what the configuration grants to whoever has no credentials.
 */
export class Authentication {
  readonly #log: Log;
  #config: AuthenticationConfig;
  #token: Buffer | undefined;
  #local = false;
  #authenticators: readonly Authenticator[] = [];
  /** There was an authenticator: that it is gone, by a failure perhaps, must not open the server. */
  #closed = false;
  #warned = false;

  /** Throws `config_invalid` for a token that can be guessed. */
  constructor(config: AuthenticationConfig, log: Log) {
    this.#log = log;
    this.#config = config;
    this.configure(config);
  }

  configure(config: AuthenticationConfig): void {
    const weakness = weaknessOf(config.adminToken);
    if (weakness !== undefined) throw new GolekError('config_invalid', weakness);
    this.#config = config;
    this.#local = isLoopback(config.host);
    this.#token = config.adminToken === undefined ? undefined : digest(config.adminToken);
    this.#warnOfLockout();
  }

  /** Asks these from now on; requests that are being asked about stay with those that they began with. */
  use(authenticators: readonly Authenticator[]): void {
    this.#authenticators = authenticators.toSorted(byOrder);
    if (authenticators.length > 0) this.#closed = true;
    this.#warnOfLockout();
  }

  /** True when there are credentials that the server knows. */
  get installed(): boolean {
    return this.#token !== undefined || this.#authenticators.length > 0;
  }

  /** True when models cannot be used without credentials. */
  get demanded(): boolean {
    if (this.#authenticators.length > 0) return true;
    return !this.#config.allowUnauthenticated && (this.#closed || !this.#local);
  }

  /** Refuses, before anything is looked at, a request that a server without credentials must not answer. */
  refusal({ request }: Asker): GolekError | undefined {
    if (this.installed || this.#config.allowUnauthenticated || isLocalHost(request.headers.host)) return undefined;
    return foreignHost(request.headers.host);
  }

  /**
   * The caller, who has the scope. A promise only where an authenticator needs one. Throws `unauthenticated` and `permission_denied`, and `plugin_failed` for an authenticator
   * that fails: a request is never let in because nobody could tell who it is.
   */
  admit(exchange: Asker, scope: RouteScope): Principal | Promise<Principal> {
    if (scope === 'public') return NOBODY;
    if (this.#token && this.#hasToken(exchange)) return ADMINISTRATOR;
    if (this.#authenticators.length === 0) return permitted(this.#withoutCredentials(exchange, scope), scope, exchange);
    return this.#ask(exchange, scope);
  }

  /** Told once for each time that it becomes so. */
  #warnOfLockout(): void {
    const [authenticator] = this.#authenticators;
    const lockedOut = authenticator !== undefined && this.#token === undefined;
    if (lockedOut && !this.#warned) {
      this.#log.warn(
        { authenticator: authenticator.name },
        `the authenticator '${authenticator.name}' decides who administers this server, and http.adminToken is not set: ` +
          'golek config, plugins, routes, targets and events are refused; set http.adminToken in golek.yaml, e.g. to file:/path, which counts at once',
      );
    }
    this.#warned = lockedOut;
  }

  #hasToken({ request }: Asker): boolean {
    const sent = shownIn(request.headers);
    return sent !== undefined && this.#token !== undefined && timingSafeEqual(digest(sent.trim()), this.#token);
  }

  /** Who a request without known credentials is, when there are no authenticators. */
  #withoutCredentials({ request }: Asker, scope: RouteScope): Principal {
    const { allowUnauthenticated } = this.#config;
    const { host: named } = request.headers;
    if (this.demanded) throw unauthenticated(showsSomething(request.headers));
    // Whoever opens the server to others has not opened its administration.
    if (allowUnauthenticated && !this.#token) return ANONYMOUS;
    if (!this.#token) return LOCAL_PRINCIPAL;
    if (scope === 'admin') throw unauthenticated(showsSomething(request.headers));
    if (!allowUnauthenticated && !isLocalHost(named)) throw foreignHost(named);
    return ANONYMOUS;
  }

  /** Goes on synchronously for as long as no authenticator answers with a promise. */
  #ask(exchange: Asker, scope: RouteScope): Principal | Promise<Principal> {
    const { request } = exchange;
    const credentials = { headers: withBearer(request.headers), remoteAddress: request.socket.remoteAddress };
    const { signal } = exchange;
    const askFrom = (authenticators: readonly Authenticator[]): Principal | Promise<Principal> => {
      const [authenticator, ...others] = authenticators;
      if (!authenticator) throw unauthenticated(showsSomething(request.headers));
      const settle = (principal: Principal | undefined): Principal | Promise<Principal> =>
        principal ? permitted(principal, scope, exchange) : askFrom(others);
      let answer: ReturnType<Authenticator['authenticate']>;
      try {
        answer = authenticator.authenticate(credentials, signal);
      } catch (thrown) {
        throw this.#failure(authenticator, thrown, exchange);
      }
      if (!answer || !('then' in answer)) return settle(answer);
      const limited = AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS)]);
      return abortable(answer, limited).then(settle, (thrown: unknown) => {
        throw this.#failure(authenticator, thrown, exchange);
      });
    };
    return askFrom(this.#authenticators);
  }

  #failure({ name }: Authenticator, thrown: unknown, { id, trace, signal }: Asker): GolekError {
    if (thrown instanceof GolekError) return thrown;
    if (signal.aborted) return GolekError.from(signal.reason);
    this.#log.error(
      { err: thrown, authenticator: name, request: id, trace: trace?.traceId },
      'an authenticator failed',
    );
    return new GolekError('plugin_failed', `the authenticator '${name}' failed; the request is refused`, {
      cause: thrown,
    });
  }
}

const unauthenticated = (sent: boolean): GolekError =>
  new GolekError(
    'unauthenticated',
    sent
      ? 'the credentials of the request are not known here; check the token in the Authorization or x-api-key header'
      : 'the request has no credentials; send `Authorization: Bearer …`, or `x-api-key`, with a token that the server knows',
  );

const foreignHost = (host: string | undefined): GolekError => {
  const shown = host === undefined ? 'no host' : `the host '${host.slice(0, 80)}'`;
  return new GolekError(
    'permission_denied',
    `the request names ${shown}: without authentication the server answers to localhost only; ` +
      'set http.adminToken or install an authenticator, or set http.allowUnauthenticated where something else guards it',
  );
};

/** Throws `permission_denied` for a caller without the scope, and for a web page that uses what its visitor may do. */
const permitted = (principal: Principal, scope: RouteScope, { request }: Asker): Principal => {
  if (!principal.scopes.includes(scope)) {
    throw new GolekError(
      'permission_denied',
      principal === ANONYMOUS
        ? `this needs the scope '${scope}', which nobody has without credentials; set http.adminToken and send it`
        : `this needs the scope '${scope}'; '${principal.id.slice(0, 80)}' has ${principal.scopes.join(', ') || 'none'}`,
      { details: { scope } },
    );
  }
  if (principal === LOCAL_PRINCIPAL && !isLocalOrigin(request.headers.origin)) {
    // Neither by what other routes have for administrators: keep_alive, MCP's tools.
    if (scope !== 'admin') return ANONYMOUS;
    throw new GolekError(
      'permission_denied',
      `a web page of ${String(request.headers.origin).slice(0, 80)} may not administer this server; set http.adminToken`,
    );
  }
  return principal;
};

/** Browsers send where a page comes from with everything that could change something; other clients send nothing. */
const isLocalOrigin = (origin: string | undefined): boolean => {
  if (origin === undefined) return true;
  const from = originHost(origin);
  return from !== undefined && isLocalHost(from);
};
