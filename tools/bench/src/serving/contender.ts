/** Delay of a server's event loop beyond the interval of the timer that measures it, milliseconds. */
export interface LoopDelay {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** A server that answers `POST /v1/completions` as a stream, in a process of its own. */
export interface Contender extends AsyncDisposable {
  readonly name: string;
  readonly port: number;
  /** Its process and those that it started. */
  readonly pids: () => readonly number[];
  /** Fields that this server needs in every request. */
  readonly extra: Readonly<Record<string, unknown>>;
  /** Watches its event loop, which slows it down a little, until what is returned is called; absent for a server without one. */
  readonly watchLoop?: () => () => Promise<LoopDelay>;
}

/** What every contender runs with. */
export interface EngineSetup {
  /** Path of the GGUF file. */
  readonly model: string;
  readonly threads: number;
  readonly flashAttention: boolean;
  /** Most tokens of a step. */
  readonly batch: number;
  /** Requests that are answered at the same time. */
  readonly sequences: number;
  /** Tokens that each of them may hold. */
  readonly context: number;
}
