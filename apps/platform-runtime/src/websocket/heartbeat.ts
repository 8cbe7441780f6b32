/** What a heart-beat watches. */
export interface HeartbeatPeer {
  /** Grows with everything that the peer sends. */
  readonly bytesRead: () => number;
  readonly ping: () => void;
  /** True while the peer cannot be expected to answer: what it was sent before is not read yet, and that has a limit of its own. */
  readonly blocked: () => boolean;
  /** Called once. */
  readonly onSilence: () => void;
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

/** Pings a silent peer and tells when it does not answer: a connection that broke without a word would stay open for ever. */
export class Heartbeat {
  readonly #peer: HeartbeatPeer;
  #timer: NodeJS.Timeout;
  #seen: number;
  #asked = false;

  constructor(peer: HeartbeatPeer) {
    this.#peer = peer;
    this.#seen = peer.bytesRead();
    this.#timer = this.#after(peer.intervalMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #after(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.#look(), ms);
  }

  #look(): void {
    const { bytesRead, ping, blocked, onSilence, intervalMs, timeoutMs } = this.#peer;
    const seen = bytesRead();
    const alive = seen !== this.#seen || blocked();
    if (!alive && this.#asked) return onSilence();
    this.#seen = seen;
    this.#asked = !alive;
    if (!alive) ping();
    this.#timer = this.#after(alive ? intervalMs : timeoutMs);
  }
}
