import type { OutgoingHttpHeaders } from 'node:http';
import type { GolekError } from '@golek/api';
import type { StreamTarget } from '../event-stream.ts';
import type { Exchange } from '../exchange.ts';

/** Names the address under which a stream goes on. */
export const RESUME_HEADER = 'x-golek-resume';

/** A connection on which a stream is read: when it ends, only the reading ends. */
export class StreamReader implements StreamTarget {
  readonly response: Exchange['response'];
  readonly #controller = new AbortController();
  readonly #exchange: Exchange;
  readonly #address: string;

  constructor(exchange: Exchange, address: string) {
    this.#exchange = exchange;
    this.#address = address;
    this.response = exchange.response;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  headers(contentType: string): OutgoingHttpHeaders {
    return { ...this.#exchange.headers(contentType), [RESUME_HEADER]: this.#address };
  }

  /** The connection is of no use any longer, or has gone. */
  leave(reason: GolekError): void {
    this.#controller.abort(reason);
  }

  /** Cuts the connection, so that its client does not take what it has for the whole. */
  abort(reason: GolekError): void {
    this.leave(reason);
    this.response.destroy();
  }
}
