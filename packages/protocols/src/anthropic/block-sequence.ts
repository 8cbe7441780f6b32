import { GolekError, type InferenceEvent } from '@golek/api';

/** How a content block begins. */
export type BlockStart =
  | { readonly type: 'text' }
  | { readonly type: 'thinking' }
  | { readonly type: 'redacted_thinking'; readonly data: string }
  | { readonly type: 'tool_use'; readonly id: string; readonly name: string };

/** Takes the blocks of an answer, one after the other. */
export interface BlockSink {
  open(start: BlockStart): void;
  /** More of the open block: of its text, its thinking or the JSON of its arguments. */
  add(piece: string): void;
  /** Ends the open block; `signature` is that of a thinking block, empty where its engine signs nothing. */
  close(signature: string): void;
}

type Delta = Extract<InferenceEvent, { type: 'text' | 'reasoning' | 'tool-call' }>;

/**
 * Makes content blocks of an answer's deltas: at most one is open. Throws `provider_failed` for a piece of a call that stands behind the beginning of another one, which
 * blocks cannot say.
 */
export class BlockSequence {
  readonly #sink: BlockSink;
  /** Index of the open call. */
  #call = -1;
  #open: BlockStart['type'] | undefined;

  constructor(sink: BlockSink) {
    this.#sink = sink;
  }

  add(event: Delta): void {
    switch (event.type) {
      case 'text':
        if (event.text === '') return;
        this.#begin('text');
        return this.#sink.add(event.text);
      case 'reasoning':
        return this.#addReasoning(event);
      case 'tool-call':
        return this.#addCall(event);
    }
  }

  /** Ends the open block. */
  end(signature = ''): void {
    if (this.#open === undefined) return;
    this.#open = undefined;
    this.#sink.close(signature);
  }

  #begin(type: 'text' | 'thinking'): void {
    if (this.#open === type) return;
    this.end();
    this.#open = type;
    this.#sink.open({ type });
  }

  #addReasoning({ text, signature, redacted }: Extract<Delta, { type: 'reasoning' }>): void {
    if (redacted !== undefined) {
      this.end();
      this.#open = 'redacted_thinking';
      this.#sink.open({ type: 'redacted_thinking', data: redacted });
      return this.end();
    }
    if (text === '' && signature === undefined) return;
    this.#begin('thinking');
    if (text !== '') this.#sink.add(text);
    if (signature !== undefined) this.end(signature);
  }

  #addCall({ index, id, name, arguments: piece }: Extract<Delta, { type: 'tool-call' }>): void {
    if (this.#open !== 'tool_use' || this.#call !== index) {
      if (id === undefined || name === undefined) {
        throw new GolekError(
          'provider_failed',
          `the provider went on with the tool call ${index} after it had begun another part of the answer`,
        );
      }
      this.end();
      this.#open = 'tool_use';
      this.#call = index;
      this.#sink.open({ type: 'tool_use', id, name });
    }
    if (piece !== '') this.#sink.add(piece);
  }
}
