import type { InferenceEvent } from '@golek/providers-spi';
import {
  asCount,
  asList,
  asObject,
  asText,
  malformedFailure,
  tokenLogprobs,
  type FailureContext,
  type JsonObject,
} from '@golek/providers-spi/remote';
import { markProof, type ReasoningProof } from './reasoning-proof.ts';

/** More items in one answer are a fault. */
const MAX_ITEMS = 4096;

/** Of a service that says nothing about which item an event belongs to. */
const NO_KEY = '';

type ReasoningKind = ReasoningProof['kind'];

/** What was seen of one item. */
interface Item {
  readonly type: string;
  /** How many parts of the answer stood before it. */
  readonly place: number;
  /** Index of a call among the calls. */
  readonly call: number;
  /** Something of it was told: what its end repeats is not told again. */
  told: boolean;
  /** Reasoning comes as text or as a summary; where a service gives both, the first one counts. */
  kind?: ReasoningKind;
  /** The part of the summary that is told. */
  part: number;
  done: boolean;
}

/** Reads the items of one answer: begun, in pieces, or whole. What is read is told once. */
export class ItemReader {
  readonly #runId: string;
  readonly #context: FailureContext;
  readonly #items = new Map<number | string, Item>();
  readonly #warned = new Set<string>();
  #calls = 0;
  #said = false;

  constructor(runId: string, context: FailureContext) {
    this.#runId = runId;
    this.#context = context;
  }

  /** True while no item has come. */
  get empty(): boolean {
    return this.#items.size === 0;
  }

  /** How many tools were called. */
  get calls(): number {
    return this.#calls;
  }

  /** An item begins. `record`: for the message of a failure. */
  begin(key: number | string, value: unknown, record: string, events: InferenceEvent[]): void {
    const known = this.#items.get(key);
    // Without a key, the next item begins when the one before is done.
    if (known && !(known.done && key === NO_KEY)) return;
    const item = asObject(value);
    const type = asText(item?.['type']);
    if (!item || type === undefined) throw malformedFailure("an item without 'type'", record, this.#context);
    this.#open(key, type, item, record, events);
  }

  /** A piece of a message: text, or what is said in its place. */
  text(key: number | string, piece: unknown, logprobs: unknown, events: InferenceEvent[]): void {
    const text = asText(piece);
    const tokens = tokenLogprobs(asList(logprobs));
    if (text === undefined && tokens.length === 0) return;
    this.#itemAt(key, 'message').told = true;
    this.#said = true;
    events.push({ type: 'text', choice: 0, text: text ?? '', ...(tokens.length > 0 && { logprobs: tokens }) });
  }

  /** A piece of reasoning; `part`: which part of a summary it belongs to. */
  reasoning(key: number | string, kind: ReasoningKind, piece: unknown, part: number, events: InferenceEvent[]): void {
    const text = asText(piece);
    if (text === undefined) return;
    const item = this.#itemAt(key, 'reasoning');
    item.kind ??= kind;
    if (item.kind !== kind) return;
    // The parts of a summary are paragraphs.
    const gap = kind === 'summary' && item.told && part !== item.part ? '\n\n' : '';
    item.told = true;
    item.part = part;
    events.push({ type: 'reasoning', choice: 0, text: gap + text });
  }

  /** A piece of a call's arguments. */
  args(key: number | string, piece: unknown, record: string, events: InferenceEvent[]): void {
    const item = this.#callAt(key, record);
    const text = asText(piece);
    if (text === undefined) return;
    item.told = true;
    events.push({ type: 'tool-call', choice: 0, index: item.call, arguments: text });
  }

  /** All the arguments of a call, of which pieces may have come. */
  allArgs(key: number | string, text: unknown, record: string, events: InferenceEvent[]): void {
    if (!this.#callAt(key, record).told) this.args(key, text, record, events);
  }

  /** A whole item, of which pieces may have come. */
  whole(key: number | string, value: unknown, record: string, events: InferenceEvent[]): void {
    this.begin(key, value, record, events);
    const item = this.#items.get(key);
    const wire = asObject(value);
    if (!item || !wire || item.done) return;
    if (item.type === 'message') this.#message(key, item, wire, events);
    else if (item.type === 'reasoning') this.#reasoned(key, item, wire, events);
    else if (item.type === 'function_call') this.allArgs(key, wire['arguments'], record, events);
    item.done = true;
  }

  #open(key: number | string, type: string, wire: JsonObject, record: string, events: InferenceEvent[]): void {
    if (this.#items.size >= MAX_ITEMS) throw malformedFailure(`more than ${MAX_ITEMS} items`, record, this.#context);
    const item = this.#add(key, type);
    if (type === 'function_call') this.#call(item, wire, record, events);
    else if (type !== 'message' && type !== 'reasoning') {
      this.#warn(`items of the type '${type.slice(0, 64)}' are left out of the answer`, events);
    }
  }

  #add(key: number | string, type: string): Item {
    const item: Item = {
      type,
      place: this.#calls + (this.#said ? 1 : 0),
      call: this.#calls,
      told: false,
      part: 0,
      done: false,
    };
    this.#items.set(key, item);
    return item;
  }

  #call(item: Item, wire: JsonObject, record: string, events: InferenceEvent[]): void {
    const name = asText(wire['name']);
    if (name === undefined) throw malformedFailure('a tool call without a name', record, this.#context);
    const index = this.#calls++;
    const args = asText(wire['arguments']) ?? '';
    item.told = args !== '';
    // The conversation goes on by the id, so a call that came without one gets one.
    const id = asText(wire['call_id']) ?? asText(wire['id']) ?? `call_${this.#runId}_${index}`;
    events.push({ type: 'tool-call', choice: 0, index, id, name, arguments: args });
  }

  /** Some services do not say that a message or a piece of reasoning begins. */
  #itemAt(key: number | string, type: 'message' | 'reasoning'): Item {
    return this.#items.get(key) ?? this.#add(key, type);
  }

  #callAt(key: number | string, record: string): Item {
    const item = this.#items.get(key);
    if (item?.type === 'function_call') return item;
    throw malformedFailure('a piece of a call that was not begun', record, this.#context);
  }

  #message(key: number | string, { told }: Item, wire: JsonObject, events: InferenceEvent[]): void {
    for (const value of asList(wire['content'])) {
      const part = asObject(value);
      const type = asText(part?.['type']) ?? '';
      if (type !== 'output_text' && type !== 'refusal') {
        this.#warn(`contents of the type '${type.slice(0, 64)}' are left out of the answer`, events);
      } else if (!told) this.text(key, part?.['text'] ?? part?.['refusal'], part?.['logprobs'], events);
      if (asList(part?.['annotations']).length > 0) this.#warn('annotations are left out of the answer', events);
    }
  }

  #reasoned(key: number | string, item: Item, wire: JsonObject, events: InferenceEvent[]): void {
    const texts = (field: string): readonly unknown[] => asList(wire[field]).map((part) => asObject(part)?.['text']);
    if (!item.told) {
      for (const text of texts('content')) this.reasoning(key, 'content', text, 0, events);
      for (const [part, text] of texts('summary').entries()) this.reasoning(key, 'summary', text, part, events);
    }
    const encrypted = asText(wire['encrypted_content']);
    if (encrypted === undefined) return;
    const { place, kind = 'summary' } = item;
    const id = /^[\w-]{1,128}$/.exec(asText(wire['id']) ?? '')?.[0] ?? '';
    const signature = markProof({ place, kind, id, encrypted });
    events.push({ type: 'reasoning', choice: 0, text: '', signature });
  }

  #warn(message: string, events: InferenceEvent[]): void {
    if (this.#warned.has(message)) return;
    this.#warned.add(message);
    events.push({ type: 'warning', message });
  }
}

/** By what events of one item belong together. llama.cpp's server tells no index, and calls have their own id only. */
export const itemKey = (event: JsonObject): number | string => {
  const item = asObject(event['item']);
  return (
    asCount(event['output_index']) ??
    asText(event['item_id']) ??
    asText(item?.['id']) ??
    asText(item?.['call_id']) ??
    NO_KEY
  );
};
