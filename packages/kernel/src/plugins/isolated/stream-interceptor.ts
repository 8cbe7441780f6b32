import { GolekError, type InferenceEvent } from '@golek/api';
import type { Handler, InferenceCall, Interceptor } from '@golek/plugins-api';
import { checkedEvents, contextOf, type Proxied } from './register-proxies.ts';

let streams = 0;

/** Reads events ahead of the plugin, at most a window: what arrives while the plugin is at work is its next batch. */
class ReadAhead {
  readonly #source: AsyncIterator<InferenceEvent>;
  readonly #window: number;
  #arrived: InferenceEvent[] = [];
  #ended = false;
  #failure: { readonly thrown: unknown } | undefined;
  #changed: (() => void) | undefined;
  #room: (() => void) | undefined;

  constructor(source: AsyncIterator<InferenceEvent>, window: number) {
    this.#source = source;
    this.#window = window;
    void this.#read();
  }

  /** What has arrived, at least one event unless it was the end. Throws what the source threw, after everything that came before. */
  async take(): Promise<{ readonly events: InferenceEvent[]; readonly end: boolean }> {
    while (this.#arrived.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => (this.#changed = resolve));
    }
    const events = this.#arrived;
    this.#arrived = [];
    this.#room?.();
    if (events.length === 0 && this.#failure) throw this.#failure.thrown;
    return { events, end: this.#ended && !this.#failure };
  }

  async close(): Promise<void> {
    this.#ended = true;
    this.#room?.();
    await this.#source.return?.();
  }

  async #read(): Promise<void> {
    try {
      while (!this.#ended) {
        const result = await this.#source.next();
        if (result.done) break;
        this.#arrived.push(result.value);
        this.#changed?.();
        if (this.#arrived.length >= this.#window) await new Promise<void>((resolve) => (this.#room = resolve));
      }
    } catch (thrown) {
      this.#failure = { thrown };
    }
    this.#ended = true;
    this.#changed?.();
  }
}

/** Has the plugin change the events of each answer, in batches and in order. */
export const streamInterceptor = (proxied: Proxied, transform: number): Interceptor => {
  const { supervisor, plugin, limits, critical, host } = proxied;

  return (next: Handler) =>
    async function* changeEvents(call: InferenceCall): AsyncGenerator<InferenceEvent> {
      const stream = ++streams;
      // Ends what is being read ahead when nobody takes the events any more.
      const leaving = new AbortController();
      const signal = AbortSignal.any([call.signal, leaving.signal]);
      const source = next(Object.freeze({ ...call, signal }))[Symbol.asyncIterator]();
      const ahead = new ReadAhead(source, limits.windowEvents);
      let open: { transform: number; request: typeof call.request; context: ReturnType<typeof contextOf> } | undefined =
        { transform, request: call.request, context: contextOf(call) };
      let working = true;
      try {
        for (;;) {
          const { events, end } = await ahead.take();
          let out: readonly InferenceEvent[] = events;
          if (working) {
            const asking = { signal: call.signal, limitMs: limits.transformMs, bound: open === undefined };
            const argument = { stream, ...(open && { open }), events, end };
            open = undefined;
            try {
              out = checkedEvents(await supervisor.ask('events', argument, asking), plugin);
            } catch (err) {
              if (critical || call.signal.aborted) throw err;
              working = false;
              host.log.error(
                { err, request: call.id },
                'a transform failed; the rest of the answer goes on without it',
              );
            }
          }
          yield* out;
          if (end) return;
        }
      } finally {
        if (working) supervisor.closeStream(stream);
        leaving.abort(new GolekError('cancelled', 'the consumer stopped reading'));
        await ahead.close();
      }
    };
};
