import { GolekError, type InferenceEvent, type Usage } from '@golek/api';
import { checkFinished } from '../finish-reason.ts';
import type { ConversationItem, OutputItem } from './items.ts';
import { OutputSequence, type OutputSink } from './output-sequence.ts';
import { responseError, responseUsage, type ResponseObject, type ResponseStatus } from './response-object.ts';
import type { ResponseCall } from './response-request.ts';

/** Which response it is. */
export interface ResponseIdentity {
  /** What makes its id and those of its items: letters and digits. */
  readonly key: string;
  /** Unix seconds. */
  readonly created: number;
  /** Unix seconds, now. */
  readonly now: () => number;
}

/** The id of the response with a key. */
export const responseId = (key: string): string => `resp_${key}`;

/** Id of the response to which an item belongs; undefined for an id that was not made here. */
export const responseOfItem = (itemId: string): string | undefined => {
  const key = /^[a-z]+_([0-9a-z]+)_(?:in)?\d+$/.exec(itemId)?.[1];
  return key === undefined ? undefined : responseId(key);
};

const NO_SINK: OutputSink = { added: () => undefined, delta: () => undefined, done: () => undefined };

/** The item without what proves its reasoning. */
const withoutProof = (item: OutputItem): OutputItem => {
  if (item.type !== 'reasoning' || item.encrypted_content === undefined) return item;
  const { encrypted_content: _, ...shown } = item;
  return shown;
};

/** What of a call its response needs. */
export type DraftedCall = Pick<ResponseCall, 'echo' | 'generate' | 'showProofs' | 'namespaces'>;

/** A response that is being made of the events of a run. */
export class ResponseDraft {
  readonly id: string;
  readonly #identity: ResponseIdentity;
  readonly #call: DraftedCall;
  readonly #output: OutputSequence;
  readonly #warnings: string[] = [];
  #model: string;
  #finish: Extract<InferenceEvent, { type: 'finish' }> | undefined;
  #usage: Usage | undefined;

  constructor(identity: ResponseIdentity, call: DraftedCall, sink = NO_SINK) {
    this.id = responseId(identity.key);
    this.#identity = identity;
    this.#call = call;
    this.#output = new OutputSequence(identity.key, sink, call.namespaces);
    this.#model = call.generate.model;
  }

  /** The items so far, with all that the next request needs of them. */
  get items(): readonly ConversationItem[] {
    return this.#output.items;
  }

  /** Throws the failure that an `error` event tells. */
  take(event: InferenceEvent): void {
    switch (event.type) {
      case 'text':
      case 'reasoning':
      case 'tool-call':
        return this.#output.add(event);
      case 'start':
        this.#model = event.model;
        return;
      case 'finish':
        this.#finish = event;
        return this.#output.end(event.reason);
      case 'usage':
        this.#usage = event.usage;
        return;
      case 'warning':
        this.#warnings.push(event.message);
        return;
      case 'error':
        throw GolekError.fromData(event.error);
    }
  }

  /** An item as this response shows it. */
  shown(item: OutputItem): OutputItem {
    return this.#call.showProofs ? item : withoutProof(item);
  }

  /** The response as it is now, for one that goes on. */
  snapshot(status: 'queued' | 'in_progress'): ResponseObject {
    return this.#response(status, {});
  }

  /** The complete response. Throws `provider_failed` when the run ended before its answer had. */
  finish(): ResponseObject {
    checkFinished(this.#finish ? 1 : 0, 1);
    const reason = this.#finish?.reason;
    if (reason === 'length') {
      return this.#response('incomplete', { incomplete_details: { reason: 'max_output_tokens' } });
    }
    if (reason === 'content-filter') {
      return this.#response('incomplete', { incomplete_details: { reason: 'content_filter' } });
    }
    return this.#response('completed', { completed_at: this.#identity.now() });
  }

  /** The response of a run that failed, with what it had made. */
  fail(error: GolekError): ResponseObject {
    this.#output.end('failed');
    return this.#response('failed', { error: responseError(error) });
  }

  /** The response of a run that was ended on demand, with what it had made. */
  cancel(): ResponseObject {
    this.#output.end('failed');
    return this.#response('cancelled', {});
  }

  #response(
    status: ResponseStatus,
    ending: Partial<Pick<ResponseObject, 'completed_at' | 'error' | 'incomplete_details'>>,
  ): ResponseObject {
    return {
      id: this.id,
      object: 'response',
      created_at: this.#identity.created,
      completed_at: null,
      status,
      error: null,
      incomplete_details: null,
      model: this.#model,
      output: this.#output.items.map((item) => this.shown(item)),
      ...(this.#usage && { usage: responseUsage(this.#usage) }),
      ...this.#call.echo,
      ...ending,
      ...(this.#warnings.length > 0 && { warnings: [...this.#warnings] }),
    };
  }
}
