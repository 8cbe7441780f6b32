/** Where in an answer something happens: before its first byte, after its headers, or after so many messages. */
export type GrpcMoment = 'before-headers' | 'after-headers' | number;

/** What the gRPC upstream does with one call. */
export type GrpcBehaviour =
  /** A right answer. `final`: says of each answer whether it is the last, default true; `delayMs`: between two answers. */
  | { readonly kind: 'ok'; readonly words?: number; readonly delayMs?: number; readonly final?: boolean }
  /** A right answer in packets of so many bytes. */
  | { readonly kind: 'packets'; readonly bytes: number }
  /** A right answer that says nothing of why it ended. */
  | { readonly kind: 'no-reason' }
  /** The connection is destroyed. */
  | { readonly kind: 'destroy'; readonly at: GrpcMoment }
  /** The stream is reset (RST_STREAM), the connection stays. */
  | { readonly kind: 'reset'; readonly at: GrpcMoment; readonly code: number }
  /** The server says that the connection ends (GOAWAY), and ends it. */
  | { readonly kind: 'go-away'; readonly at: GrpcMoment }
  /** Nothing more comes; the connection stays open. */
  | { readonly kind: 'stall'; readonly at: GrpcMoment }
  /** A status, by its number, after some messages. */
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly after?: number;
      readonly message?: string;
      readonly trailers?: Readonly<Record<string, string>>;
    }
  /** Ends with the status OK after some answers, the last of which was not among them. */
  | { readonly kind: 'cut'; readonly after: number }
  /** Ends after some answers without any status. */
  | { readonly kind: 'no-status'; readonly after: number }
  /** The status OK and no answer. */
  | { readonly kind: 'empty' }
  /** An answer of HTTP that is none of gRPC. */
  | { readonly kind: 'http'; readonly status: number; readonly type: string; readonly body: string }
  /** Ends as the right answer does, but its last answers come after an error message. */
  | { readonly kind: 'error-message'; readonly after: number; readonly message: string }
  /** After some answers bytes that are no message: broken protobuf, a frame that is cut, one that claims to be huge, one that claims to be compressed. */
  | {
      readonly kind: 'malformed';
      readonly after: number;
      readonly what: 'garbage' | 'truncated' | 'huge' | 'compressed';
    }
  /** Answers whose tensors are none, or not those of the model. */
  | {
      readonly kind: 'tensors';
      readonly what: 'none' | 'other' | 'short' | 'long' | 'raw-missing' | 'unknown-type' | 'negative-shape';
    }
  /** Answers without end, as fast as they are read. */
  | { readonly kind: 'endless' };
