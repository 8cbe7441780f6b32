import type { InferenceEvent } from '@golek/providers-spi';
import { asObject, asText, type JsonObject } from '@golek/providers-spi/remote';
import { markSignature, type SignedPlace } from './signed-place.ts';

/** Fields of a part that are no content. */
const BESIDE = new Set([
  'thought',
  'thoughtSignature',
  'partMetadata',
  'videoMetadata',
  'mediaProcessing',
  'speechMetadata',
]);

/** What a part turned out to be besides events. */
export type PartProblem =
  | { readonly leftOut: string }
  /** It is no part of an answer. */
  | { readonly malformed: string };

/** Reads the parts of one choice. */
export class PartReader {
  readonly #choice: number;
  readonly #runId: string;
  #calls = 0;
  #said = false;

  constructor(choice: number, runId: string) {
    this.#choice = choice;
    this.#runId = runId;
  }

  get calls(): number {
    return this.#calls;
  }

  /** True when there was anything that belongs to an answer. */
  get saidAnything(): boolean {
    return this.#said;
  }

  read(value: unknown, events: InferenceEvent[]): PartProblem | undefined {
    const part = asObject(value);
    if (!part) return { malformed: 'a part that is no object' };
    const choice = this.#choice;
    const signature = asText(part['thoughtSignature']);
    if (part['functionCall'] !== undefined) return this.#readCall(part, signature, events);
    if (typeof part['text'] === 'string') {
      const { text, thought } = part as { readonly text: string; readonly thought?: unknown };
      if (text !== '') {
        this.#said = true;
        events.push({ type: thought === true ? 'reasoning' : 'text', choice, text });
      }
      this.#sign(thought === true ? 'thought' : text === '' ? 'end' : 'text', signature, events);
      return undefined;
    }
    const kind = Object.keys(part).find((key) => !BESIDE.has(key));
    if (kind !== undefined) return { leftOut: kind };
    this.#sign(part['thought'] === true ? 'thought' : 'end', signature, events);
    return undefined;
  }

  #readCall(part: JsonObject, signature: string | undefined, events: InferenceEvent[]): PartProblem | undefined {
    const call = asObject(part['functionCall']);
    const name = asText(call?.['name']);
    if (!call || name === undefined) return { malformed: 'a function call without a name' };
    const [choice, index] = [this.#choice, this.#calls++];
    this.#said = true;
    // Before the call, so that blocks of thinking and calls keep their order.
    this.#sign(index, signature, events);
    events.push({
      type: 'tool-call',
      choice,
      index,
      // The conversation goes on by the id, so a call that came without one gets one.
      id: asText(call['id']) ?? `call_${this.#runId}_${choice}_${index}`,
      name,
      arguments: JSON.stringify(asObject(call['args']) ?? {}),
    });
    return undefined;
  }

  #sign(place: SignedPlace, signature: string | undefined, events: InferenceEvent[]): void {
    if (signature === undefined) return;
    events.push({ type: 'reasoning', choice: this.#choice, text: '', signature: markSignature(place, signature) });
  }
}
