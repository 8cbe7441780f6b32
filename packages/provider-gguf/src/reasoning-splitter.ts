import { overlap } from '@golek/providers-spi/generation';
import type { ReasoningFormat } from './reasoning-formats.ts';

/** Where in an answer a text ends; at `start` it is not decided yet whether there is reasoning. */
type Place = 'start' | 'reasoning' | 'gap' | 'answer';

/** What a piece of an answer's raw text adds to its two parts. */
interface ReasoningStep {
  readonly reasoning: string;
  readonly answer: string;
}

/**
 * Cuts the reasoning off the beginning of a streamed answer, whatever pieces the text comes in. Reasoning stands only before the answer:
 * markers further behind are text. White space next to the markers belongs to neither part.
 */
export class ReasoningSplitter {
  readonly #format: ReasoningFormat;
  readonly #opened: boolean;
  #place: Place = 'start';
  #held = '';
  /** True once it is known that there is no reasoning. */
  #plain = false;
  /** True once the reasoning has a text. */
  #begun = false;

  /** `opened`: the prompt has the opening marker already. A model that repeats it is forgiven. */
  constructor(format: ReasoningFormat, opened: boolean) {
    this.#format = format;
    this.#opened = opened;
  }

  /** Where the text pushed so far ends. */
  get place(): Place {
    return this.#place === 'start' && this.#opened ? 'reasoning' : this.#place;
  }

  /** True when there is reasoning. */
  get thinks(): boolean {
    return this.#opened || (this.#place !== 'start' && !this.#plain);
  }

  push(text: string): ReasoningStep {
    if (this.#place === 'answer') return { reasoning: '', answer: text };
    this.#held += text;
    let reasoning = '';
    if (this.#place === 'start' && !this.#begin()) return NOTHING;
    if (this.#place === 'reasoning') reasoning = this.#think();
    return { reasoning, answer: this.#answer() };
  }

  /** What was held back, when the answer ends. */
  end(): ReasoningStep {
    const held = this.#held;
    this.#held = '';
    if (this.#place === 'answer' || this.#place === 'gap') return NOTHING;
    if (this.place === 'reasoning') return { reasoning: this.#begun ? held.trimEnd() : held.trim(), answer: '' };
    return { reasoning: '', answer: held };
  }

  /** Decides what the answer begins with; false when more text is needed. */
  #begin(): boolean {
    const { open } = this.#format;
    const text = this.#held.trimStart();
    if (open !== text && open.startsWith(text)) return false;
    if (text.startsWith(open)) this.#held = text.slice(open.length);
    else if (!this.#opened) {
      this.#plain = true;
      this.#place = 'answer';
      return true;
    }
    this.#place = 'reasoning';
    return true;
  }

  #think(): string {
    const { close } = this.#format;
    if (!this.#begun) {
      this.#held = this.#held.trimStart();
      this.#begun = this.#held !== '';
    }
    const end = this.#held.indexOf(close);
    const certain = end >= 0 ? end : this.#held.length - overlap(this.#held, close);
    const text = this.#held.slice(0, certain).trimEnd();
    if (end < 0) this.#held = this.#held.slice(text.length);
    else {
      this.#held = this.#held.slice(end + close.length);
      this.#place = 'gap';
    }
    return text;
  }

  #answer(): string {
    if (this.#place === 'reasoning') return '';
    if (this.#place === 'gap') {
      this.#held = this.#held.trimStart();
      if (this.#held === '') return '';
      this.#place = 'answer';
    }
    const text = this.#held;
    this.#held = '';
    return text;
  }
}

const NOTHING: ReasoningStep = { reasoning: '', answer: '' };
