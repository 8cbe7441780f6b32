import { setTimeout as sleep } from 'node:timers/promises';
import { GolekError } from '@golek/api';
import type { Configuration } from '@golek/system';
import { adminResponse } from './admin-client.ts';

/** One event of a feed of server-sent events. */
export interface FeedItem {
  readonly id: string | undefined;
  /** `message` when the feed names none. */
  readonly type: string;
  readonly data: string;
}

export interface FollowOptions {
  /** Type names, as the server takes them; absent: all. */
  readonly types?: string | undefined;
  readonly signal: AbortSignal;
  /** Told when the server has gone, before it is asked again. */
  readonly onLost: (error: GolekError) => void;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;

/**
 * Follows the lifecycle events of the running server. When the connection is lost it asks again, for as long as it takes, and goes on after the last event that it has seen.
 * Ends by its signal only, with the signal's reason. Throws when the first attempt fails, and for what asking again cannot mend.
 */
export async function* followEvents(
  configuration: Configuration,
  { types, signal, onLost }: FollowOptions,
): AsyncGenerator<FeedItem, void, undefined> {
  const path = types === undefined ? '/events' : `/events?types=${encodeURIComponent(types)}`;
  let last: string | undefined;
  let connected = false;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)) {
    try {
      const headers = last === undefined ? {} : { 'last-event-id': last };
      const { body } = await adminResponse(configuration, { method: 'GET', path, headers, signal });
      connected = true;
      pauseMs = FIRST_PAUSE_MS;
      for await (const item of feedItems(body ?? [])) {
        last = item.id ?? last;
        yield item;
      }
      onLost(new GolekError('provider_failed', 'the server ended the feed'));
    } catch (thrown) {
      if (signal.aborted) throw signal.reason;
      const error = GolekError.from(thrown, 'provider_failed');
      if (!connected || !error.retryable) throw error;
      onLost(error);
    }
    await sleep(pauseMs, undefined, { signal });
  }
}

/** Reads server-sent events; comments are left out. */
export async function* feedItems(
  bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<FeedItem, void, undefined> {
  const decoder = new TextDecoder();
  let pending = '';
  for await (const part of bytes) {
    pending += decoder.decode(part, { stream: true });
    const blocks = pending.split('\n\n');
    pending = blocks.pop() ?? '';
    for (const block of blocks) {
      const item = itemOf(block);
      if (item) yield item;
    }
  }
}

const itemOf = (block: string): FeedItem | undefined => {
  let id: string | undefined;
  let type = 'message';
  const data: string[] = [];
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':');
    const value = line.slice(colon + 1).replace(/^ /, '');
    const field = line.slice(0, colon);
    if (field === 'id') id = value;
    else if (field === 'event') type = value;
    else if (field === 'data') data.push(value);
  }
  return data.length === 0 ? undefined : { id, type, data: data.join('\n') };
};
