import { GolekError, type FinishReason, type InferenceEvent, type TokenLogprob } from '@golek/api';
import { chatLogprobs } from '../token-logprobs.ts';
import type { OutputItem } from './items.ts';
import { redactedProof, signedProof } from './reasoning-proof.ts';

type Item<T extends OutputItem['type']> = Extract<OutputItem, { type: T }>;
type Logprobs = ReturnType<typeof chatLogprobs>['content'];

/** Hears how the items of an answer grow. */
export interface OutputSink {
  /** The item has no content yet. */
  added(index: number, item: OutputItem): void;
  delta(index: number, piece: string, logprobs: Logprobs): void;
  /** The item is complete, or will not be. */
  done(index: number, item: OutputItem): void;
}

type Delta = Extract<InferenceEvent, { type: 'text' | 'reasoning' | 'tool-call' }>;

/** A message or a piece of reasoning that takes more text. */
interface OpenText {
  readonly index: number;
  readonly item: Item<'message' | 'reasoning'>;
  readonly part: { text: string };
}

const NO_LOGPROBS: Logprobs = [];

/**
 * Makes items of an answer's deltas, in the order of their beginnings. At most one text is open; calls stay open until the answer ends, since their pieces may come
 * by turns.
 */
export class OutputSequence {
  readonly items: OutputItem[] = [];
  readonly #key: string;
  readonly #sink: OutputSink;
  readonly #namespaces: ReadonlyMap<string, string>;
  readonly #calls = new Map<number, { readonly index: number; readonly item: Item<'function_call'> }>();
  #open: OpenText | undefined;

  /** `key`: what makes the ids of the items. `namespaces`: those of functions that have one. */
  constructor(key: string, sink: OutputSink, namespaces: ReadonlyMap<string, string>) {
    this.#key = key;
    this.#sink = sink;
    this.#namespaces = namespaces;
  }

  /** Throws `provider_failed` for a call that does not begin with its id and name. */
  add(event: Delta): void {
    switch (event.type) {
      case 'text':
        if (event.text !== '' || event.logprobs) this.#addText(event.text, event.logprobs);
        return;
      case 'reasoning':
        return this.#addReasoning(event);
      case 'tool-call':
        return this.#addCall(event);
    }
  }

  /** Ends what is open. An answer that was cut leaves its last item incomplete. */
  end(reason: FinishReason | 'failed'): void {
    const status = reason === 'stop' || reason === 'tool-calls' ? 'completed' : 'incomplete';
    this.#close(status);
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    for (const [place, { index, item }] of calls.entries()) {
      item.status = reason === 'failed' || place === calls.length - 1 ? status : 'completed';
      this.#sink.done(index, item);
    }
  }

  #begin(item: OutputItem): number {
    const index = this.items.push(item) - 1;
    this.#sink.added(index, item);
    return index;
  }

  #close(status: 'completed' | 'incomplete'): void {
    if (!this.#open) return;
    const { index, item } = this.#open;
    this.#open = undefined;
    item.status = status;
    this.#sink.done(index, item);
  }

  #id(prefix: string): string {
    return `${prefix}_${this.#key}_${this.items.length}`;
  }

  #addText(text: string, tokens: readonly TokenLogprob[] | undefined): void {
    let open = this.#open;
    if (open?.item.type !== 'message') {
      this.#close('completed');
      const part = { type: 'output_text' as const, text: '', annotations: [], logprobs: [] };
      const item: Item<'message'> = {
        type: 'message',
        id: this.#id('msg'),
        role: 'assistant',
        status: 'in_progress',
        content: [part],
      };
      open = this.#open = { index: this.#begin(item), item, part };
    }
    open.part.text += text;
    if (!tokens) return this.#sink.delta(open.index, text, NO_LOGPROBS);
    const logprobs = chatLogprobs(tokens).content;
    const { content } = open.item as Item<'message'>;
    if (content[0]?.type === 'output_text') for (const one of logprobs) content[0].logprobs.push(one);
    this.#sink.delta(open.index, text, logprobs);
  }

  #addReasoning({ text, signature, redacted }: Extract<Delta, { type: 'reasoning' }>): void {
    if (redacted !== undefined) {
      this.#close('completed');
      this.#openReasoning().item.encrypted_content = redactedProof(redacted);
      return this.#close('completed');
    }
    if (text === '' && signature === undefined) return;
    const { index, item, part } = this.#openReasoning();
    if (text !== '') {
      part.text += text;
      this.#sink.delta(index, text, NO_LOGPROBS);
    }
    if (signature === undefined) return;
    item.encrypted_content = signedProof(signature);
    this.#close('completed');
  }

  #openReasoning(): OpenText & { readonly item: Item<'reasoning'> } {
    const open = this.#open;
    if (open?.item.type === 'reasoning') return { ...open, item: open.item };
    this.#close('completed');
    const part = { type: 'reasoning_text' as const, text: '' };
    const item: Item<'reasoning'> = {
      type: 'reasoning',
      id: this.#id('rs'),
      summary: [],
      content: [part],
      status: 'in_progress',
    };
    const begun = { index: this.#begin(item), item, part };
    this.#open = begun;
    return begun;
  }

  #addCall({ index, id, name, arguments: piece }: Extract<Delta, { type: 'tool-call' }>): void {
    let call = this.#calls.get(index);
    if (!call) {
      if (id === undefined || name === undefined) {
        throw new GolekError('provider_failed', `the provider began the tool call ${index} without its id and name`);
      }
      this.#close('completed');
      const namespace = this.#namespaces.get(name);
      const item: Item<'function_call'> = {
        type: 'function_call',
        id: this.#id('fc'),
        call_id: id,
        name,
        ...(namespace !== undefined && { namespace }),
        arguments: '',
        status: 'in_progress',
      };
      call = { index: this.#begin(item), item };
      this.#calls.set(index, call);
    }
    if (piece === '') return;
    call.item.arguments += piece;
    this.#sink.delta(call.index, piece, NO_LOGPROBS);
  }
}
