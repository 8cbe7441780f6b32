/** Where in an answer something happens: before its first byte, after its headers, or after so many pieces of its body. */
export type Moment = 'before-headers' | 'after-headers' | number;

/** What the upstream does with one request. */
export type Behaviour =
  /** A right answer. `words`: so many words instead of the prompt's own; `delayMs`: between two pieces; `usage: false`: tells no token counts. */
  | { readonly kind: 'ok'; readonly words?: number; readonly delayMs?: number; readonly usage?: boolean }
  /** A right answer, one byte at a time. */
  | { readonly kind: 'drip' }
  /** A right answer that is cut into packets in the middle of lines and of UTF-8 characters, with CRLF and comments between events. */
  | { readonly kind: 'split' }
  /** The socket is reset (RST). */
  | { readonly kind: 'reset'; readonly at: Moment }
  /** Nothing more comes; the connection stays open. */
  | { readonly kind: 'stall'; readonly at: Moment }
  /** The answer stops after some pieces: `close` ends the socket, `end` ends the body as if it were complete. */
  | { readonly kind: 'cut'; readonly after: number; readonly how: 'close' | 'end' }
  /** Everything except the finish reason, with [DONE]. */
  | { readonly kind: 'no-finish' }
  /** Everything up to the finish reason, without [DONE] and usage; then the socket is reset. */
  | { readonly kind: 'no-done' }
  /** An HTTP error. */
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly retryAfter?: string;
      readonly code?: string;
      readonly type?: string;
      readonly message?: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** 200 with an empty body. */
  | { readonly kind: 'empty' }
  /** 200 with an error object as the whole body. */
  | { readonly kind: 'error-in-200'; readonly code?: string | number }
  /** 200 with a web page. */
  | { readonly kind: 'html' }
  /** An error object after some pieces of the stream. */
  | { readonly kind: 'error-in-stream'; readonly after: number; readonly code?: string | number }
  /** After some pieces something that cannot be read: broken JSON, bytes that are no events, JSON that is no answer, a line of `bytes` bytes. */
  | {
      readonly kind: 'malformed';
      readonly after: number;
      readonly what: 'json' | 'garbage' | 'not-an-answer' | 'huge-line';
      readonly bytes?: number;
    }
  /** Chunks without end, as fast as they are read. */
  | { readonly kind: 'endless' }
  /** These bytes, in these pieces. */
  | {
      readonly kind: 'raw';
      readonly status?: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body: readonly (string | Uint8Array)[];
    };
