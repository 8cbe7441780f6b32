import type { Log } from '@golek/api';
import { GolekError } from '@golek/api/plain';
import type { CallObserver, InferenceCall } from '@golek/plugins-api';
import type { Note } from '../messages.ts';
import type { PluginParts } from './plugin-parts.ts';

/** Calls watched at once; the parent may leave notes out, so that the end of one may never be told. */
const MAX_WATCHED = 4_096;

interface Watched {
  readonly observers: readonly CallObserver[];
  readonly left: AbortController;
}

/** Hands what the parent tells to the plugin's observers and listeners. What these throw is logged. */
export class NoteReader {
  readonly #parts: PluginParts;
  readonly #log: Log;
  readonly #watched = new Map<number, Watched>();

  constructor(parts: PluginParts, log: Log) {
    this.#parts = parts;
    this.#log = log;
  }

  read(note: Note): void {
    switch (note.type) {
      case 'begin':
        return this.#begin(note);
      case 'event':
        for (const observer of this.#watched.get(note.watch)?.observers ?? []) {
          this.#guarded(() => observer.event?.(note.event));
        }
        return;
      case 'end':
        return this.#end(note);
      case 'lifecycle':
        return this.#guarded(() => this.#parts.tell(note.event));
    }
  }

  #begin({ call, watch }: Extract<Note, { type: 'begin' }>): void {
    const left = new AbortController();
    const seen: InferenceCall = Object.freeze({ ...call, signal: left.signal });
    const observers: CallObserver[] = [];
    for (const { observe } of this.#parts.observers) {
      this.#guarded(() => {
        const observer = observe(seen);
        if (observer) observers.push(observer);
      });
    }
    if (observers.length === 0) return;
    this.#watched.set(watch, { observers, left });
    const [oldest] = this.#watched.keys();
    if (this.#watched.size > MAX_WATCHED && oldest !== undefined) this.#watched.delete(oldest);
  }

  #end({ watch, outcome }: Extract<Note, { type: 'end' }>): void {
    const watched = this.#watched.get(watch);
    this.#watched.delete(watch);
    if (!watched) return;
    const told =
      outcome.status === 'failed'
        ? { status: outcome.status, error: GolekError.fromData(outcome.error) }
        : { status: outcome.status };
    for (const observer of watched.observers) this.#guarded(() => observer.end?.(told));
    watched.left.abort();
  }

  #guarded(run: () => void): void {
    try {
      run();
    } catch (err) {
      this.#log.error({ err }, 'an observer or listener failed');
    }
  }
}
