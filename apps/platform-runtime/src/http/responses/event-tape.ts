import { OPENAI_STREAM } from '../wire-form.ts';
import { EventStream, type EventStreamLimits } from '../event-stream.ts';
import type { Exchange } from '../exchange.ts';
import { Bell } from '../streams/bell.ts';

const END = '\n\n';

/** The events of a streamed response in the background, from the first one on, for as many readers as come. The number of an event is its `sequence_number`. */
export class EventTape {
  readonly #events: string[] = [];
  readonly #bell = new Bell();
  #bytes = 0;
  #ended = false;

  get bytes(): number {
    return this.#bytes;
  }

  /** Adds the events of an encoder's text, without remarks, which have no number. */
  append(text: string): void {
    for (const event of text.split(END)) {
      if (!event.startsWith('event:')) continue;
      this.#events.push(event + END);
      this.#bytes += Buffer.byteLength(event) + END.length;
    }
    this.#bell.ring();
  }

  end(): void {
    this.#ended = true;
    this.#bell.ring();
  }

  /** Sends the events behind the one with the number `after`, as they come, until the last one. A reader that leaves changes nothing for the run. */
  async play(exchange: Exchange, after: number, limits: EventStreamLimits): Promise<void> {
    const { signal } = exchange;
    const out = new EventStream(exchange, limits, OPENAI_STREAM);
    const wake = (): void => this.#bell.ring();
    signal.addEventListener('abort', wake);
    try {
      let next = after + 1;
      while (!signal.aborted) {
        for (let event = this.#events[next]; event !== undefined && !out.blocked; event = this.#events[next]) {
          out.write(event);
          next += 1;
        }
        if (out.blocked) await out.drained();
        else if (this.#ended) return out.end('');
        else await this.#bell.wait();
      }
    } finally {
      signal.removeEventListener('abort', wake);
      out.dispose();
    }
  }
}
