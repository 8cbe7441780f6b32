import type { InferenceEvent } from '@golek/api';

/** Notifications of one answer come at most so often, milliseconds: a token each would cost more than the tokens. */
const PERIOD_MS = 50;

/** What a progress notification says of an answer that is being written. */
export interface TextProgress {
  /** Characters (UTF-16 units) of answer and reasoning so far: it rises with each notification. How many there will be, nobody knows. */
  readonly progress: number;
  /** The text of the answer since the notification before. */
  readonly message?: string;
}

/** Turns the events of an answer into progress notifications. */
export class TextProgressMeter {
  #characters = 0;
  #pending = '';
  #told = -Infinity;
  #toldCharacters = 0;

  /** Undefined where there is nothing to tell yet. `now`: milliseconds of a clock that only rises. */
  add(event: InferenceEvent, now: number): TextProgress | undefined {
    if (event.type === 'finish') return this.#tell(now);
    if (event.type !== 'text' && event.type !== 'reasoning') return undefined;
    if (event.text === '') return undefined;
    this.#characters += event.text.length;
    if (event.type === 'text') this.#pending += event.text;
    return now - this.#told < PERIOD_MS ? undefined : this.#tell(now);
  }

  #tell(now: number): TextProgress | undefined {
    if (this.#characters === this.#toldCharacters) return undefined;
    this.#toldCharacters = this.#characters;
    this.#told = now;
    const message = this.#pending;
    this.#pending = '';
    return { progress: this.#characters, ...(message !== '' && { message }) };
  }
}
