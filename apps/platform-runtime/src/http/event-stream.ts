import { drained } from './drained.ts';
import type { Exchange } from './exchange.ts';
import type { StreamForm } from './wire-form.ts';

export interface EventStreamLimits {
  /** What the protocol has for it is sent after so long a silence, milliseconds. */
  readonly heartbeatMs: number;
  /** So long may a client leave the answer unread, milliseconds. */
  readonly writeTimeoutMs: number;
}

/** The connection that a stream is written to: an exchange, or what stands for one. */
export type StreamTarget = Pick<Exchange, 'response' | 'signal' | 'abort' | 'headers'>;

/** Text that is gathered before it is written at once, UTF-16 units. */
const BATCH = 16_384;

/**
 * The body of a streamed answer. Headers go out with the first text, or with the first heart-beat when that takes long. What is written
 * within one turn of the event loop becomes one chunk.
 */
export class EventStream {
  readonly #exchange: StreamTarget;
  readonly #limits: EventStreamLimits;
  readonly #form: Pick<StreamForm, 'contentType' | 'heartbeat'>;
  readonly #heartbeat: NodeJS.Timeout | undefined;
  #pending = '';
  #scheduled = false;
  #blocked = false;

  constructor(exchange: StreamTarget, limits: EventStreamLimits, form: Pick<StreamForm, 'contentType' | 'heartbeat'>) {
    this.#exchange = exchange;
    this.#limits = limits;
    this.#form = form;
    const { heartbeat } = form;
    if (heartbeat !== undefined) this.#heartbeat = setTimeout(() => this.#beat(heartbeat), limits.heartbeatMs);
    // A connection that breaks also closes, which aborts the signal; without a listener the error would end the process.
    exchange.response.on('error', () => undefined);
  }

  /** True once the status is on its way: from then on a failure can only be told in the stream. */
  get started(): boolean {
    return this.#exchange.response.headersSent;
  }

  /** True when the client does not keep up; wait for `drained` then. */
  get blocked(): boolean {
    return this.#blocked;
  }

  /** Sends the headers before there is any text. */
  open(): void {
    this.#start();
    this.#exchange.response.flushHeaders();
  }

  write(text: string): void {
    this.#pending += text;
    if (this.#pending.length >= BATCH) {
      this.#flush();
    } else if (!this.#scheduled) {
      this.#scheduled = true;
      // Runs when the promises that are resolved by now have run: all events that are at hand are one write.
      process.nextTick(() => {
        this.#scheduled = false;
        if (this.#pending !== '') this.#flush();
      });
    }
  }

  /** Waits until the client has read enough. Throws the signal's reason; ends the exchange when the client takes too long. */
  async drained(): Promise<void> {
    // It may have caught up before it is waited for: `drain` does not come again then.
    if (this.#exchange.response.writableNeedDrain) await drained(this.#exchange, this.#limits.writeTimeoutMs);
    this.#blocked = false;
  }

  /** Writes the last text and ends the answer. */
  end(text: string): void {
    const { response } = this.#exchange;
    const rest = this.#pending + text;
    this.#pending = '';
    if (response.destroyed) return;
    this.#start();
    response.end(rest);
  }

  /** Stops the heart-beat; needed after every stream. */
  dispose(): void {
    this.#pending = '';
    clearTimeout(this.#heartbeat);
  }

  #start(): void {
    const { response } = this.#exchange;
    if (response.headersSent) return;
    const headers = this.#exchange.headers(this.#form.contentType);
    headers['cache-control'] = 'no-cache';
    // Tells a buffering proxy (nginx) to pass chunks on as they come.
    headers['x-accel-buffering'] = 'no';
    response.writeHead(200, headers);
  }

  #flush(): void {
    const text = this.#pending;
    this.#pending = '';
    const { response } = this.#exchange;
    if (response.destroyed) return;
    this.#start();
    if (!response.write(text)) this.#blocked = true;
    this.#heartbeat?.refresh();
  }

  #beat(heartbeat: string): void {
    if (!this.#blocked) this.#pending += heartbeat;
    if (this.#pending !== '') this.#flush();
    else this.#heartbeat?.refresh();
  }
}
