import { GolekError } from '@golek/api';
import {
  conversationItems,
  responseOfItem,
  type ConversationItem,
  type ResponseDraft,
  type ResponseObject,
  type ResponsePrompt,
} from '@golek/protocols/openai-responses';
import { BackgroundRuns } from './background-runs.ts';
import type { EventTape } from './event-tape.ts';
import type { ResponseLimits } from './response-limits.ts';
import { conversationBytes, ResponseStore, type StoredResponse } from './response-store.ts';

/** A found response is complete, or goes on in the background. */
type Found = { readonly response: ResponseObject; readonly stored?: StoredResponse };

const absent = (id: string, path: string): GolekError =>
  new GolekError(
    'not_found',
    `no response '${id.slice(0, 128)}' is stored: it was never stored, was deleted, has expired or made room for newer ones, or the server was restarted since` +
      (path === 'previous_response_id' ? "; send the whole conversation in 'input'" : ''),
    { details: { path } },
  );

/** The responses of all tenants: those that are kept, and those that are being made in the background. */
export class ResponseLibrary {
  readonly runs: BackgroundRuns;
  readonly #store: ResponseStore;
  readonly #limits: () => ResponseLimits;

  constructor(limits: () => ResponseLimits) {
    this.#limits = limits;
    this.#store = new ResponseStore(limits);
    this.runs = new BackgroundRuns(limits);
  }

  /** Throws `not_found`. */
  find(tenant: string, id: string): Found {
    const running = this.runs.get(tenant, id);
    if (running) return { response: running };
    return this.#stored(tenant, id, 'response_id');
  }

  /** The events of a response that is or was streamed in the background. Throws `not_found`, and `unsupported` for another one. */
  tape(tenant: string, id: string): EventTape {
    const { stored } = this.find(tenant, id);
    const tape = stored ? stored.tape : this.runs.tape(tenant, id);
    if (tape) return tape;
    throw new GolekError(
      'unsupported',
      `the events of the response '${id}' were not kept: that is done for 'background' together with 'stream'; leave 'stream' out to get it whole`,
      { details: { path: 'stream' } },
    );
  }

  /** What the model was given. Throws `not_found`, and `conflict` while the response is being made. */
  inputOf(tenant: string, id: string): readonly ConversationItem[] {
    const { response, stored } = this.find(tenant, id);
    if (stored) return stored.input;
    throw new GolekError(
      'conflict',
      `the response '${id}' is ${response.status}; its items are listed when it has ended`,
    );
  }

  /** Ends it if it goes on, and forgets it. Throws `not_found`. */
  delete(tenant: string, id: string): void {
    const cancelled = this.runs.cancel(tenant, id) !== undefined;
    if (!this.#store.delete(tenant, id) && !cancelled) throw absent(id, 'response_id');
  }

  /** Ends a response in the background; one that has ended stays as it is. Throws `not_found`, and `invalid_request` for one that never was in the background. */
  cancel(tenant: string, id: string): ResponseObject {
    const cancelled = this.runs.cancel(tenant, id);
    if (cancelled) return cancelled;
    const { response } = this.#stored(tenant, id, 'response_id');
    if (response.background) return response;
    throw new GolekError(
      'invalid_request',
      `the response '${id}' was not made in the background: close the connection of its request to end one`,
      { details: { path: 'response_id' } },
    );
  }

  /** Keeps a response that has ended. @returns it, with a warning where it could not be kept. */
  keep(
    tenant: string,
    response: ResponseObject,
    input: readonly ConversationItem[],
    draft: ResponseDraft,
    tape?: EventTape,
  ): ResponseObject {
    const warning = this.#store.put(tenant, { response, input, output: draft.items, tape });
    return warning === undefined ? response : { ...response, warnings: [...(response.warnings ?? []), warning] };
  }

  /**
   * The whole conversation of a request: what is kept of it, and what is new, with ids made of `key`. Throws `not_found`, `conflict`, and `request_too_large` where what is
   * kept makes it larger than anything that can be kept: a short request may refer to a long item many times.
   */
  conversation(
    tenant: string,
    { previousResponseId, input }: Pick<ResponsePrompt, 'previousResponseId' | 'input'>,
    key: string,
  ): readonly ConversationItem[] {
    let refers = previousResponseId !== undefined;
    const find = this.#itemsOf(tenant);
    const added = conversationItems(input, key, (id) => {
      refers = true;
      return find(id);
    });
    const previous = previousResponseId === undefined ? undefined : this.#previous(tenant, previousResponseId);
    const items = previous ? [...previous.input, ...previous.output, ...added] : added;
    if (refers) this.#checkSize(items);
    return items;
  }

  #checkSize(items: readonly ConversationItem[]): void {
    const { maxBytes } = this.#limits();
    const bytes = conversationBytes(items);
    if (bytes <= maxBytes) return;
    throw new GolekError(
      'request_too_large',
      `the conversation has ${bytes} bytes with what is stored of it, 'responses.maxBytes' is ${maxBytes}; begin a new one`,
      { details: { path: 'input' } },
    );
  }

  #stored(tenant: string, id: string, path: string): Required<Found> {
    const stored = this.#store.get(tenant, id);
    if (!stored) throw absent(id, path);
    return { response: stored.response, stored };
  }

  #previous(tenant: string, id: string): StoredResponse {
    const running = this.runs.get(tenant, id);
    const { response, stored } = running
      ? { response: running, stored: undefined }
      : this.#stored(tenant, id, 'previous_response_id');
    if (stored && (response.status === 'completed' || response.status === 'incomplete')) return stored;
    throw new GolekError(
      'conflict',
      `'previous_response_id' is the response '${id}', which is ${response.status}; go on from one that is complete`,
      { details: { path: 'previous_response_id' } },
    );
  }

  /** Finds kept items of the tenant; each response is looked through once. */
  #itemsOf(tenant: string): (itemId: string) => ConversationItem | undefined {
    const found = new Map<string, ConversationItem>();
    const searched = new Set<string>();
    return (itemId) => {
      const id = responseOfItem(itemId);
      if (id !== undefined && !searched.has(id)) {
        searched.add(id);
        const { input = [], output = [] } = this.#store.get(tenant, id) ?? {};
        for (const item of [...input, ...output]) found.set(item.id, item);
      }
      return found.get(itemId);
    };
  }
}
