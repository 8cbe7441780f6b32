import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';

/** What an outbox needs of a socket. */
export interface OutboxPeer {
  readonly ws: Pick<WebSocket, 'send' | 'pause' | 'resume' | 'readyState' | 'OPEN'>;
  /** The connection under it, which tells when it takes no more. */
  readonly stream: Duplex;
  /** A client may leave its messages unread for so long, milliseconds. */
  readonly writeTimeoutMs: number;
  /** Called once when it has taken longer. */
  readonly onStall: () => void;
  /** So many messages may wait before the client's own are read no further. */
  readonly maxWaiting: number;
}

interface Waiting {
  readonly text: string;
  readonly sent: () => void;
}

/**
 * The messages to one client. When its connection takes no more, those of its requests wait here in the order in which they came: each request has one at most, so that
 * they take turns, and whatever makes events stands still.
 */
export class Outbox {
  readonly #peer: OutboxPeer;
  readonly #onDrain = (): void => this.#flush();
  #waiting: Waiting[] = [];
  #blocked = false;
  #paused = false;
  #corked = false;
  #closed = false;
  #stall: NodeJS.Timeout | undefined;

  constructor(peer: OutboxPeer) {
    this.#peer = peer;
    peer.stream.on('drain', this.#onDrain);
  }

  /** True while the client does not keep up. */
  get blocked(): boolean {
    return this.#blocked;
  }

  /** @returns nothing when the message is on its way; else a promise that resolves when it is, or when the socket is closed. */
  send(text: string): Promise<void> | undefined {
    if (this.#closed) return undefined;
    if (!this.#blocked) {
      this.#write(text);
      return undefined;
    }
    if (this.#waiting.length >= this.#peer.maxWaiting && !this.#paused) {
      this.#paused = true;
      this.#peer.ws.pause();
    }
    return new Promise((resolve) => this.#waiting.push({ text, sent: resolve }));
  }

  /** Drops what waits. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#stall);
    this.#peer.stream.off('drain', this.#onDrain);
    for (const { sent } of this.#waiting.splice(0)) sent();
  }

  #flush(): void {
    this.#blocked = false;
    clearTimeout(this.#stall);
    let sent = 0;
    for (const waiting of this.#waiting) {
      if (this.blocked) break;
      this.#write(waiting.text);
      waiting.sent();
      sent += 1;
    }
    this.#waiting.splice(0, sent);
    if (this.#paused && this.#waiting.length < this.#peer.maxWaiting) {
      this.#paused = false;
      this.#peer.ws.resume();
    }
  }

  #write(text: string): void {
    const { ws, stream, writeTimeoutMs, onStall } = this.#peer;
    if (ws.readyState !== ws.OPEN) return;
    if (!this.#corked) {
      this.#corked = true;
      stream.cork();
      // Runs when the promises that are resolved by now have run: all messages that are at hand are one write.
      process.nextTick(() => {
        this.#corked = false;
        stream.uncork();
      });
    }
    ws.send(text);
    if (!stream.writableNeedDrain) return;
    this.#blocked = true;
    this.#stall = setTimeout(onStall, writeTimeoutMs);
  }
}
