import type { ConversationItem, ResponseObject } from '@golek/protocols/openai-responses';
import type { EventTape } from './event-tape.ts';
import type { ResponseLimits } from './response-limits.ts';

/** A response with what it answers. */
export interface StoredResponse {
  readonly response: ResponseObject;
  /** The conversation that the model was given, in order. */
  readonly input: readonly ConversationItem[];
  /** The answer, with what the response does not show of it. */
  readonly output: readonly ConversationItem[];
  /** Its events, where it was streamed in the background. */
  readonly tape?: EventTape | undefined;
}

interface Kept extends StoredResponse {
  readonly bytes: number;
  /** Milliseconds of the store's clock. */
  readonly expires: number;
}

/** What a tenant has, least recently used first. */
interface Shelf {
  readonly kept: Map<string, Kept>;
  bytes: number;
}

const jsonBytes = (value: object): number => Buffer.byteLength(JSON.stringify(value));

/** Items are shared by the responses of a conversation: each is measured once. */
const measured = new WeakMap<ConversationItem, number>();
const itemBytes = (item: ConversationItem): number => {
  const known = measured.get(item);
  if (known !== undefined) return known;
  const bytes = jsonBytes(item);
  measured.set(item, bytes);
  return bytes;
};

/** Bytes of the items' JSON. */
export const conversationBytes = (items: readonly ConversationItem[]): number =>
  items.reduce((sum, item) => sum + itemBytes(item), 0);

const bytesOf = ({ response, input, output, tape }: StoredResponse): number =>
  jsonBytes(response) + conversationBytes(input) + conversationBytes(output) + (tape?.bytes ?? 0);

/**
 * Responses in memory, for their tenant only. A response counts with its whole conversation, also where that is shared with others, so the bound on bytes holds whatever
 * is evicted. Room is made by the tenant that has the most: nobody loses responses to a larger neighbour.
 */
export class ResponseStore {
  readonly #limits: () => ResponseLimits;
  readonly #now: () => number;
  readonly #shelves = new Map<string, Shelf>();
  #count = 0;
  #bytes = 0;
  /** When expired responses are looked for next. */
  #sweepAt = 0;

  /** `now`: milliseconds; default the time since the process began. */
  constructor(limits: () => ResponseLimits, now: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
  }

  /** How much is kept. */
  get size(): { readonly count: number; readonly bytes: number } {
    return { count: this.#count, bytes: this.#bytes };
  }

  /** @returns why it could not be kept; undefined when it is. */
  put(tenant: string, stored: StoredResponse): string | undefined {
    const { maxStored, maxBytes, ttlMs } = this.#limits();
    const now = this.#sweep();
    const bytes = bytesOf(stored);
    // Bounds may have become lower than what is kept, down to 0.
    while (this.#count > maxStored) this.#evict(({ kept }) => kept.size);
    while (this.#bytes > maxBytes) this.#evict((shelf) => shelf.bytes);
    if (maxStored === 0) return "the response is not stored: 'responses.maxStored' is 0";
    if (bytes > maxBytes) {
      return `the response is not stored: with its conversation it has ${bytes} bytes, 'responses.maxBytes' is ${maxBytes}`;
    }
    while (this.#count >= maxStored) this.#evict(({ kept }) => kept.size);
    while (this.#bytes + bytes > maxBytes) this.#evict((shelf) => shelf.bytes);
    let shelf = this.#shelves.get(tenant);
    if (!shelf) this.#shelves.set(tenant, (shelf = { kept: new Map(), bytes: 0 }));
    shelf.kept.set(stored.response.id, { ...stored, bytes, expires: now + ttlMs });
    shelf.bytes += bytes;
    this.#count += 1;
    this.#bytes += bytes;
    return undefined;
  }

  get(tenant: string, id: string): StoredResponse | undefined {
    const now = this.#sweep();
    const shelf = this.#shelves.get(tenant);
    const found = shelf?.kept.get(id);
    if (!shelf || !found) return undefined;
    if (found.expires <= now) {
      this.#remove(tenant, shelf, found);
      return undefined;
    }
    shelf.kept.delete(id);
    shelf.kept.set(id, found);
    return found;
  }

  /** @returns false when there was none. */
  delete(tenant: string, id: string): boolean {
    const shelf = this.#shelves.get(tenant);
    const found = shelf?.kept.get(id);
    if (!shelf || !found) return false;
    this.#remove(tenant, shelf, found);
    return found.expires > this.#now();
  }

  #remove(tenant: string, shelf: Shelf, { response, bytes }: Kept): void {
    shelf.kept.delete(response.id);
    shelf.bytes -= bytes;
    this.#count -= 1;
    this.#bytes -= bytes;
    if (shelf.kept.size === 0) this.#shelves.delete(tenant);
  }

  /** Lets the least recently used response of the shelf with the most go. */
  #evict(amount: (shelf: Shelf) => number): void {
    let most: [string, Shelf] | undefined;
    for (const entry of this.#shelves) if (!most || amount(entry[1]) > amount(most[1])) most = entry;
    const [oldest] = most?.[1].kept.values() ?? [];
    if (most && oldest) this.#remove(most[0], most[1], oldest);
  }

  /** Lets go of what has expired, a few times in its life. @returns the time. */
  #sweep(): number {
    const now = this.#now();
    if (now < this.#sweepAt) return now;
    this.#sweepAt = now + this.#limits().ttlMs / 8;
    for (const [tenant, shelf] of this.#shelves) {
      for (const kept of shelf.kept.values()) if (kept.expires <= now) this.#remove(tenant, shelf, kept);
    }
    return now;
  }
}
