import type { SpanData } from '@golek/api';
import type { GolekError } from '@golek/api/plain';
import { childSpan } from '../child-span.ts';

type OnSpan = (span: SpanData) => void;

interface Expected {
  readonly traceparent: string;
  readonly onSpan: OnSpan;
  /** Unix time, milliseconds. */
  readonly since: number;
}

/** Runs whose spans may be on their way; beyond it the oldest is given up. */
const MAX_EXPECTED = 1_024;

/** Brings the spans that an engine process makes of its runs to who asked for them, also when they come after the run's end or never. */
export class RunSpans {
  readonly #expected = new Map<number, Expected>();

  expect(run: number, traceparent: string, onSpan: OnSpan): void {
    const [oldest] = this.#expected.keys();
    if (oldest !== undefined && this.#expected.size >= MAX_EXPECTED) this.#expected.delete(oldest);
    this.#expected.set(run, { traceparent, onSpan, since: performance.timeOrigin + performance.now() });
  }

  deliver(run: number, spans: readonly SpanData[]): void {
    const expected = this.#expected.get(run);
    if (!expected) return;
    this.#expected.delete(run);
    for (const span of spans) expected.onSpan(span);
  }

  /** The process has ended and took its spans with it: one span that failed stands for those of each run that was its. */
  failAll(error: GolekError, pid: number | undefined, wasIts: (run: number) => boolean = () => true): void {
    const lost = [...this.#expected].filter(([run]) => wasIts(run));
    for (const [run, { traceparent, onSpan, since }] of lost) {
      this.#expected.delete(run);
      const endTime = performance.timeOrigin + performance.now();
      const attributes = pid === undefined ? {} : { 'process.pid': pid };
      onSpan(childSpan(traceparent, { name: 'engine', startTime: since, endTime, attributes, error }));
    }
  }
}
