import { GolekError, type InferenceEvent } from '@golek/api';
import type { StreamEncoder, WireParams } from '@golek/protocols/openai';
import { EventStream, type EventStreamLimits } from '../event-stream.ts';
import type { Exchange } from '../exchange.ts';
import type { StreamForm } from '../wire-form.ts';
import { Bell } from './bell.ts';
import { EventLog } from './event-log.ts';
import { StreamReader } from './stream-reader.ts';

export interface ResumeLimits {
  /** A client may be away for so long; so long is a complete stream kept, milliseconds. */
  readonly resumeWindowMs: number;
  /** Of one stream's events, bytes: at most half of them have been handed to the client. */
  readonly resumeBufferBytes: number;
  /** Of all streams' events, bytes. */
  readonly resumeTotalBytes: number;
}

/** Why a stream is let go of: it was complete, its client stayed away, or it was ended. */
export type StreamEnd = 'complete' | 'away' | 'ended';

/** What a stream needs of whoever keeps them all. */
export interface StreamHost {
  readonly limits: () => EventStreamLimits & ResumeLimits;
  /** True when all streams together have what they may have. */
  readonly full: () => boolean;
  /** Why no stream is kept for an absent client any longer. */
  readonly stopping: () => GolekError | undefined;
  /** Told of bytes that a stream took or, below 0, gave back. */
  readonly counted: (bytes: number, stream: KeptStream) => void;
  /** Told once, when the stream cannot be asked for any longer. */
  readonly forgotten: (stream: KeptStream, end: StreamEnd) => void;
}

/** So much may a run be ahead of a client that reads, bytes. */
const AHEAD = 65_536;

/**
 * A stream that outlives its connections. The run fills a log, whoever is connected reads it. While nobody is, the run goes on until the log is full; a client that does
 * not come back within the window ends it. The latest reader is the only one.
 */
export class KeptStream {
  readonly id: string;
  readonly tenant: string;
  /** What was asked for, as a digest: a repeated request must ask for the same. */
  readonly question: string;
  readonly #host: StreamHost;
  readonly #form: StreamForm;
  readonly #params: WireParams;
  readonly #log: EventLog;
  readonly #bell = new Bell();
  /** Of the request that began it; let go of when the run has ended. */
  #run: Exchange | undefined;
  #reader: StreamReader | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Why there is no event at all. */
  #failure: { readonly thrown: unknown } | undefined;
  #delivered = false;
  #ending = false;
  #forgotten = false;

  constructor(exchange: Exchange, question: string, form: StreamForm, host: StreamHost) {
    this.id = exchange.id;
    this.tenant = exchange.principal.tenant;
    this.question = question;
    this.#params = exchange.params;
    this.#form = form;
    this.#host = host;
    this.#log = new EventLog(exchange.id);
    this.#run = exchange;
  }

  /** True while a client is connected. */
  get read(): boolean {
    return this.#reader !== undefined;
  }

  /** True when the run has ended. */
  get complete(): boolean {
    return this.#run === undefined;
  }

  /** True when a client was given all of it. */
  get delivered(): boolean {
    return this.#delivered;
  }

  get bytes(): number {
    return this.#log.bytes;
  }

  /** Takes the run's events to their end; a failure becomes a part of the stream. */
  async fill(events: AsyncIterable<InferenceEvent>, encoder: StreamEncoder, run: Exchange): Promise<void> {
    const { signal } = run;
    const wake = (): void => this.#bell.ring();
    signal.addEventListener('abort', wake);
    try {
      for await (const event of events) {
        this.#append(encoder.encode(event));
        while (this.#mustWait()) {
          signal.throwIfAborted();
          await this.#bell.wait();
        }
      }
      this.#append(encoder.end());
    } catch (thrown) {
      const error = GolekError.from(thrown);
      // Ends what the run may still have in progress beside the event that failed.
      run.abort(error);
      if (this.#log.last === 0) this.#failure = { thrown };
      else this.#append(this.#form.error(error, this.#params, this.id));
    } finally {
      signal.removeEventListener('abort', wake);
      run.release();
      this.#run = undefined;
      this.#bell.ring();
      if (!this.#reader) this.#keep();
    }
  }

  /** Sends what follows the event `after`, to the end. Throws `conflict` and `gone` for one that cannot be gone on from; nothing has changed then. */
  serve(exchange: Exchange, after: number): Promise<void> {
    this.#seek(after);
    this.#reader?.abort(new GolekError('cancelled', 'the stream is read on another connection'));
    const reader = (this.#reader = new StreamReader(exchange, `/v1/streams/${this.id}`));
    clearTimeout(this.#timer);
    reader.response.on('close', () => this.#leave(reader));
    if (reader.response.destroyed) this.#leave(reader);
    return this.#serveTo(reader);
  }

  async #serveTo(reader: StreamReader): Promise<void> {
    const out = new EventStream(reader, this.#host.limits(), this.#form);
    try {
      // Who comes back is told so at once, whenever the next event comes.
      if (this.#log.last > 0 && !reader.signal.aborted) out.open();
      await this.#send(reader, out);
      if (reader.signal.aborted) return;
      this.#delivered = true;
      if (!this.#failure) return out.end('');
      // It is told now; there is nothing that could be gone on from.
      this.#ending = true;
      const { thrown } = this.#failure;
      if (!out.started) throw thrown;
      out.end(this.#form.error(GolekError.from(thrown), this.#params, this.id));
    } catch (thrown) {
      if (!reader.signal.aborted) throw thrown;
    } finally {
      out.dispose();
      this.#leave(reader);
    }
  }

  /** Ends the run where it is in progress, and keeps the stream only for whoever is reading it. */
  end(reason: GolekError): void {
    this.#ending = true;
    this.#run?.abort(reason);
    if (!this.#reader) this.forget('ended');
  }

  /** Lets go of a stream that nobody reads. */
  forget(end: StreamEnd): void {
    if (this.#forgotten) return;
    this.#forgotten = true;
    clearTimeout(this.#timer);
    this.#host.forgotten(this, end);
  }

  /** Lets go of what a connected client was given already. */
  trim(): void {
    if (this.#reader) this.#count(-this.#log.trim(0));
  }

  /** Looks again whether the run may go on. */
  wake(): void {
    this.#bell.ring();
  }

  #mustWait(): boolean {
    if (this.#reader) return this.#log.unreadBytes >= AHEAD;
    return !this.#forgotten && (this.#log.bytes >= this.#host.limits().resumeBufferBytes || this.#host.full());
  }

  #append(text: string): void {
    if (text === '' || this.#forgotten) return;
    this.#count(this.#log.append(text));
    this.#bell.ring();
  }

  #count(bytes: number): void {
    if (bytes !== 0 && !this.#forgotten) this.#host.counted(bytes, this);
  }

  #seek(after: number): void {
    const { first, last } = this.#log;
    const details = { path: 'last-event-id' };
    if (after > last) {
      const message = `the stream '${this.id}' has no event ${after}: its last one is ${last}; send the id of the last event that arrived whole`;
      throw new GolekError('conflict', message, { details });
    }
    if (after + 1 < first) {
      const message = `of the stream '${this.id}' the events from ${first} on are kept, and event ${after + 1} is wanted; ask anew, or raise http.resumeBufferBytes`;
      throw new GolekError('gone', message, { details });
    }
    this.#log.seek(after + 1);
  }

  /** Writes until the stream has ended or the reader is gone. */
  async #send(reader: StreamReader, out: EventStream): Promise<void> {
    while (!reader.signal.aborted) {
      while (!out.blocked) {
        const text = this.#log.read();
        if (text === undefined) break;
        out.write(text);
      }
      this.#count(-this.#log.trim(this.#host.limits().resumeBufferBytes / 2));
      this.#bell.ring();
      if (out.blocked) await out.drained();
      else if (this.complete) return;
      else await this.#bell.wait();
    }
  }

  #leave(reader: StreamReader): void {
    reader.leave(new GolekError('cancelled', 'the client closed the connection'));
    if (this.#reader !== reader) return;
    this.#reader = undefined;
    this.#bell.ring();
    if (this.#ending) this.forget('ended');
    else this.#keep();
  }

  /** Nobody reads: for how long that may last. */
  #keep(): void {
    const stopping = this.#host.stopping();
    if (stopping) return this.end(stopping);
    if (this.#forgotten) return;
    clearTimeout(this.#timer);
    const { resumeWindowMs } = this.#host.limits();
    this.#timer = setTimeout(() => {
      const end = this.complete ? 'complete' : 'away';
      const message = `the client closed the connection and did not come back within ${resumeWindowMs} ms`;
      this.#run?.abort(new GolekError('cancelled', message));
      this.forget(end);
    }, resumeWindowMs);
  }
}
