import { overlap } from '@golek/providers-spi/generation';
import type { AnswerPiece } from './tool-calls.ts';

/** The end of an answer's raw text that no piece stands for yet, and the pieces that were found before it. */
export class PendingText {
  #held = '';
  /** Place of the start of `#held` in the raw text. */
  #at = 0;
  /** Raw text of a call that has not been given out, for the case that it is none. */
  #doubtful = '';
  #calls = 0;
  #pieces: AnswerPiece[] = [];

  get held(): string {
    return this.#held;
  }

  /** `held` without the white space at its start. */
  get rest(): string {
    return this.#held.trimStart();
  }

  /** Calls that were given out. */
  get calls(): number {
    return this.#calls;
  }

  /** Adds text and goes on as often as `advance` says that it got further; gives the pieces found. */
  push(text: string, advance: () => boolean): AnswerPiece[] {
    this.#held += text;
    while (advance());
    return this.#pieces.splice(0);
  }

  /** What was held back, when the answer ends; with `over` it belongs to the last call, with `cut` what is in doubt is a call that was not finished. */
  end(over: boolean, cut = false): AnswerPiece[] {
    if (over) return [];
    if (cut && this.#doubtful !== '') return [{ type: 'cut', until: this.#at + this.#held.length }];
    // White space behind the last call belongs to it.
    const held = this.#doubtful === '' && this.#calls > 0 ? this.#held.trimEnd() : this.#held;
    this.#doubtful += held;
    this.#at += this.#held.length;
    this.giveUp();
    return this.#pieces.splice(0);
  }

  take(length: number): string {
    const taken = this.#held.slice(0, length);
    this.#held = this.#held.slice(length);
    this.#at += length;
    return taken;
  }

  /** Takes so many characters of `rest`, and the white space before them. */
  takeRest(length: number): string {
    return this.take(this.#held.length - this.rest.length + length);
  }

  /** Takes a text that may be left out, and the white space before it; false while it is not known whether it stands here. */
  takeOptional(text: string): boolean {
    const { rest } = this;
    if (rest !== text && text.startsWith(rest)) return false;
    if (rest.startsWith(text)) this.takeRest(text.length);
    return true;
  }

  /** Gives out the text before a marker behind which a call may begin; true when the marker is there, which then is taken. */
  textBefore(marker: string): boolean {
    const at = this.#held.indexOf(marker);
    const certain = at >= 0 ? at : this.#held.length - overlap(this.#held, marker);
    // White space before a call belongs to it, so it waits until it is known what follows.
    this.#text(this.take(this.#held.slice(0, certain).trimEnd().length));
    if (at < 0) return false;
    this.doubt(this.take(this.#held.indexOf(marker) + marker.length));
    return true;
  }

  /** Notes what was taken as part of a call that may turn out to be none. */
  doubt(taken: string): void {
    this.#doubtful += taken;
  }

  /** What looked like a call is text. */
  giveUp(): void {
    const text = this.#doubtful;
    this.#doubtful = '';
    this.#text(text);
  }

  /** What was in doubt is a call, or belongs to the calls before it. */
  settle(): void {
    this.#doubtful = '';
  }

  call(name: string): void {
    this.settle();
    this.#calls++;
    this.#pieces.push({ type: 'call', name, until: this.#at });
  }

  arguments(text: string): void {
    if (text !== '') this.#pieces.push({ type: 'arguments', text, until: this.#at });
  }

  #text(text: string): void {
    if (text !== '') this.#pieces.push({ type: 'text', text, until: this.#at });
  }
}
