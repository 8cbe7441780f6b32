import { GOLEK_ATTR, type Counter, type MetricFamily, type MetricRegistry } from '@golek/kernel';

/** How a wish to go on with a stream ended; `away`: nobody wished it in time. */
export type ResumeOutcome = 'resumed' | 'not_found' | 'conflict' | 'gone' | 'away';

/** Counts streams that are kept for clients whose connection breaks. */
export class StreamMetrics {
  readonly #registry: MetricRegistry;
  readonly #resumes: MetricFamily<Counter>;

  constructor(registry: MetricRegistry) {
    this.#registry = registry;
    this.#resumes = registry.counter({
      name: 'golek.streams.resumes',
      description:
        'Wishes to go on with a stream, by outcome; away: its client did not come back and the run was ended.',
      unit: '{request}',
      labels: [GOLEK_ATTR.outcome],
    });
  }

  asked(outcome: ResumeOutcome): void {
    this.#resumes.with(outcome).add();
  }

  /** Shows these numbers when metrics are read. */
  observe(read: { readonly streams: () => number; readonly bytes: () => number }): void {
    this.#registry.observe(
      { name: 'golek.streams.kept', description: 'Streams that can be gone on with.', unit: '{stream}', kind: 'gauge' },
      () => [{ value: read.streams() }],
    );
    this.#registry.observe(
      { name: 'golek.streams.kept_size', description: 'What they take.', unit: 'By', kind: 'gauge' },
      () => [{ value: read.bytes() }],
    );
  }
}
