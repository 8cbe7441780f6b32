/** Bounds on sockets; a change counts for those that are opened from then on, and for what the next message needs. */
export interface WebSocketSettings {
  /** Sockets of the whole server at the same time. */
  readonly maxSockets: number;
  /** Sockets of the caller's tenant at the same time. */
  readonly maxSocketsPerTenant: number;
  /** Requests in progress on one socket. */
  readonly maxRequests: number;
  /** A peer that was silent for so long is pinged, milliseconds. */
  readonly pingIntervalMs: number;
  /** A peer that sends nothing for so long after a ping is dropped, milliseconds. */
  readonly pongTimeoutMs: number;
  /** A socket without a request and without a message for so long is closed, milliseconds. */
  readonly idleTimeoutMs: number;
  /** Conversations of one socket that are kept for tool results. */
  readonly maxConversations: number;
  /** What they may hold together, bytes. */
  readonly maxConversationBytes: number;
  /** They are kept for so long, milliseconds. */
  readonly conversationMs: number;
  /** Web pages of other origins that may open sockets, e.g. `https://app.example.com`; `*` is every one. */
  readonly origins: readonly string[];
}

/** Bounds that sockets share with the HTTP server. */
export interface SharedLimits {
  /** Of one message, too. */
  readonly bodyLimitBytes: number;
  readonly writeTimeoutMs: number;
  /** Those that may use the whole server, beside those of the sockets. */
  readonly origins: readonly string[];
}
