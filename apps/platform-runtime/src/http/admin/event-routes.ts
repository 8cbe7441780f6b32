import { GolekError, LifecycleEvent, nearest, type LifecycleEventType } from '@golek/api';
import type { EventBus, EventPosition, StreamedEvent } from '@golek/kernel';
import { z } from 'zod';
import { EventStream, type EventStreamLimits } from '../event-stream.ts';
import type { Exchange } from '../exchange.ts';
import type { Route } from '../route.ts';
import { OPENAI_STREAM } from '../wire-form.ts';

export interface EventRouteDeps {
  readonly events: Pick<EventBus, 'stream'>;
  readonly limits: () => EventStreamLimits;
  /** Aborted when the server stops: feeds would never end by themselves. */
  readonly ending: AbortSignal;
}

/** What `data:` carries. */
const FeedEvent = z
  .strictObject({ id: z.int(), time: z.string(), node: z.string(), event: LifecycleEvent })
  .meta({ id: 'PublishedEvent' });

const TYPES: readonly string[] = LifecycleEvent.options.map(({ shape }) => shape.type.value);
const LONGEST_LIST = 2048;

const isType = (text: string): text is LifecycleEventType => TYPES.includes(text);

/** `model.loaded,plugin.` : names, and beginnings of names that end with a point. Throws `invalid_request` for one that matches nothing. */
const typesOf = (list: string | null): readonly LifecycleEventType[] | undefined => {
  if (list === null || list === '') return undefined;
  if (list.length > LONGEST_LIST) {
    throw new GolekError('invalid_request', `'types' has ${list.length} characters; expected at most ${LONGEST_LIST}`);
  }
  return list.split(',').flatMap((text): LifecycleEventType[] => {
    const wanted = text.trim();
    if (isType(wanted)) return [wanted];
    const within = wanted.endsWith('.') ? TYPES.filter((type) => type.startsWith(wanted)) : [];
    if (within.length > 0) return within.filter(isType);
    const hint = nearest(wanted.slice(0, 80), TYPES);
    const remedy = hint === undefined ? `there are: ${TYPES.join(', ')}` : `did you mean '${hint}'?`;
    throw new GolekError('invalid_request', `no event has the type '${wanted.slice(0, 80)}'; ${remedy}`, {
      details: { path: 'types' },
    });
  });
};

/** The id of an event in the feed: `node/id`, so that the events of all nodes can be told apart. */
const POSITION = /^(.{1,256})\/(\d{1,16})$/;

const positionOf = (header: string | string[] | undefined): EventPosition | undefined => {
  const match = typeof header === 'string' ? POSITION.exec(header) : null;
  return match ? { node: match[1] as string, id: Number(match[2]) } : undefined;
};

const textOf = ({ published, missed }: StreamedEvent): string => {
  const gap = missed === 0 ? '' : `event: missed\ndata: ${JSON.stringify({ missed })}\n\n`;
  return `${gap}id: ${published.node}/${published.id}\nevent: ${published.event.type}\ndata: ${JSON.stringify(published)}\n\n`;
};

/** The feed of lifecycle events, as server-sent events. A reader that comes back with `Last-Event-ID` gets what it missed, as far as it is kept. */
export const eventRoutes = ({ events, limits, ending }: EventRouteDeps): Route[] => {
  const feed = async (exchange: Exchange): Promise<void> => {
    const { query, request, response } = exchange;
    const types = typesOf(query.get('types'));
    const after = positionOf(request.headers['last-event-id']) ?? positionOf(query.get('after') ?? undefined);
    if (ending.aborted) throw ending.reason;
    if (request.method === 'HEAD') {
      response.writeHead(200, exchange.headers('text/event-stream; charset=utf-8')).end();
      return;
    }
    const signal = AbortSignal.any([exchange.signal, ending]);
    const stream = new EventStream(exchange, limits(), OPENAI_STREAM);
    try {
      // Sent at once, so that a reader knows that it is connected.
      stream.write(': connected\n\n');
      for await (const item of events.stream(signal, { ...(types && { types }), ...(after && { after }) })) {
        stream.write(textOf(item));
        if (stream.blocked) await stream.drained();
      }
      stream.end('');
    } catch (thrown) {
      if (!exchange.signal.aborted) throw thrown;
    } finally {
      stream.dispose();
    }
  };
  return [
    {
      method: 'GET',
      path: '/admin/v1/events',
      scope: 'admin',
      operation: {
        summary:
          'Follow what happens to the runtime. Goes on after the event that Last-Event-ID names; an event `missed` tells that some are lost.',
        tag: 'administration',
        mediaType: 'text/event-stream',
        response: FeedEvent,
        query: {
          types: 'Types of events, separated by commas; `model.` is every type that begins so. Default: all.',
          after: 'The same as the header Last-Event-ID.',
        },
      },
      handle: feed,
    },
  ];
};
