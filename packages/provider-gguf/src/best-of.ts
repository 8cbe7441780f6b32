import type { InferenceEvent } from '@golek/providers-spi';

type ChoiceEvent = Extract<InferenceEvent, { readonly choice: number }>;

/** Keeps the events of several answers until all have ended, then gives out those of the best ones, numbered by their rank. */
export class BestOf {
  readonly #events: ChoiceEvent[][];
  readonly #wanted: number;

  constructor(candidates: number, wanted: number) {
    this.#events = Array.from({ length: candidates }, () => []);
    this.#wanted = wanted;
  }

  keep(event: ChoiceEvent): void {
    this.#events[event.choice]?.push(event);
  }

  /** `ratings`: of each candidate, the higher the better; of equal ones the first comes first. */
  best(ratings: readonly number[]): ChoiceEvent[] {
    return this.#events
      .map((events, candidate) => ({ events, rating: ratings[candidate] ?? Number.NEGATIVE_INFINITY }))
      .sort((a, b) => (a.rating === b.rating ? 0 : b.rating > a.rating ? 1 : -1))
      .slice(0, this.#wanted)
      .flatMap(({ events }, choice) => events.map((event) => ({ ...event, choice })));
  }
}
