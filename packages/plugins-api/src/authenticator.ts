import type { Principal } from '@golek/api';

/** What an authenticator sees of a request. */
export interface Credentials {
  /** Lower-case names, as Node gives them. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Address of the peer. */
  readonly remoteAddress: string | undefined;
}

/** Tells who makes a request. */
export interface Authenticator {
  readonly name: string;
  /** Lower numbers are asked first; default 0. */
  readonly order?: number;
  /**
   * The caller; undefined when the request carries no credentials of this kind, so that the next authenticator is asked. Throws `unauthenticated` for
   * credentials of its kind that are wrong.
   */
  authenticate(credentials: Credentials, signal: AbortSignal): Principal | undefined | Promise<Principal | undefined>;
}
