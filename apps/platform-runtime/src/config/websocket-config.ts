import { configSection } from '@golek/system';
import { z } from 'zod';

const MiB = 1024 ** 2;

/** For sockets that are opened from then on. */
const live = { live: true } as const;
const perTenant = { live: true, overridable: ['tenant'] };

const milliseconds = (
  min: number,
  max: number,
  byDefault: number,
  what: string,
): z.ZodType<number, number | undefined> =>
  z.int().min(min).max(max).default(byDefault).describe(`${what}, milliseconds.`).meta(live);

export const websocketConfig = configSection(
  'websocket',
  z
    .strictObject({
      maxSockets: z
        .int()
        .min(0)
        .max(100_000)
        .default(256)
        .describe('WebSockets at the same time; 0 for none. They count among `http.maxConnections`, too.')
        .meta(live),
      maxSocketsPerTenant: z
        .int()
        .min(0)
        .max(100_000)
        .default(256)
        .describe('WebSockets of one tenant at the same time.')
        .meta(perTenant),
      maxRequests: z
        .int()
        .min(1)
        .max(10_000)
        .default(64)
        .describe('Requests in progress on one WebSocket; more are refused.')
        .meta(perTenant),
      pingIntervalMs: milliseconds(100, 600_000, 15_000, 'A client that is silent for so long is pinged'),
      pongTimeoutMs: milliseconds(
        100,
        600_000,
        10_000,
        'A client that sends nothing for so long after a ping is cut off',
      ),
      idleTimeoutMs: milliseconds(
        100,
        86_400_000,
        600_000,
        'A WebSocket without a request in progress and without a message for so long is closed',
      ),
      maxConversations: z
        .int()
        .min(0)
        .max(10_000)
        .default(32)
        .describe(
          'Conversations of one WebSocket that are kept for the results of their tool calls; the oldest makes room. 0 keeps none.',
        )
        .meta(live),
      maxConversationBytes: z
        .int()
        .min(1024)
        .max(1024 * MiB)
        .default(8 * MiB)
        .describe('What these conversations may hold together, bytes.')
        .meta(live),
      conversationMs: milliseconds(100, 86_400_000, 600_000, 'These conversations are kept for so long'),
      origins: z
        .array(z.string().min(1).max(256))
        .max(100)
        .default([])
        .describe(
          'Origins whose web pages may open WebSockets, e.g. https://app.example.com, beside those of `http.origins` and pages of the server itself; `*` for all. Programs need none.',
        )
        .meta(live),
    })
    .describe(
      'WebSockets, at `/v1/ws` of the HTTP server. The largest message is `http.bodyLimitBytes`, unread messages have `http.writeTimeoutMs`.',
    ),
);
