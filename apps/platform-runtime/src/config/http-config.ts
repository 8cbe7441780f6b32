import { configSection } from '@golek/system';
import { z } from 'zod';
import { tlsSettings } from './tls-config.ts';

const SCHEME = /^[a-z][a-z0-9+.-]*:\/\/[^\s/?#@,*A-Z]+$/;

/** True for an origin as browsers send it: no path, no usual port, nothing in capitals. `null` stands for pages of any place. */
const isOrigin = (text: string): boolean => {
  if (!SCHEME.test(text) || !URL.canParse(text)) return false;
  return !/^https?:/.test(text) || new URL(text).origin === text;
};

export const httpConfig = configSection(
  'http',
  z
    .strictObject({
      host: z
        .string()
        .min(1)
        .default('127.0.0.1')
        .describe(
          'Address to listen on. Beyond loopback the server starts only with `http.adminToken`, an authenticator of a plugin, or `http.allowUnauthenticated`.',
        ),
      port: z.int().min(0).max(65535).default(11500).describe('Port to listen on; 0 takes a free one.'),
      tls: tlsSettings(),
      bodyLimitBytes: z
        .int()
        .min(1024)
        .max(1024 ** 3)
        .default(32 * 1024 ** 2)
        .describe('Largest request body, bytes.')
        .meta({ live: true }),
      requestTimeoutMs: z
        .int()
        .min(100)
        .max(3_600_000)
        .default(30_000)
        .describe('Longest time to receive a whole request, milliseconds. The answer may take longer.'),
      heartbeatMs: z
        .int()
        .min(100)
        .max(600_000)
        .default(5_000)
        .describe(
          'A stream that is silent for so long gets a comment, so that nobody between takes it for dead, milliseconds.',
        )
        .meta({ live: true }),
      writeTimeoutMs: z
        .int()
        .min(100)
        .max(3_600_000)
        .default(60_000)
        .describe('A client that reads nothing of its stream for so long is cut off, milliseconds.')
        .meta({ live: true }),
      resumeWindowMs: z
        .int()
        .min(100)
        .max(3_600_000)
        .default(30_000)
        .describe(
          'A client that asked for it with `x-golek-resumable: true` may be away from its stream for so long before the run is ended; a complete stream is kept as long, milliseconds.',
        )
        .meta({ live: true }),
      resumeBufferBytes: z
        .int()
        .min(16 * 1024)
        .max(1024 ** 3)
        .default(1024 ** 2)
        .describe('How much is kept of one such stream, bytes; its run waits for its client when that is full.')
        .meta({ live: true }),
      resumeTotalBytes: z
        .int()
        .min(1024 ** 2)
        .max(64 * 1024 ** 3)
        .default(64 * 1024 ** 2)
        .describe('How much is kept of all such streams together, bytes.')
        .meta({ live: true }),
      maxConnections: z
        .int()
        .min(1)
        .max(100_000)
        .default(1_024)
        .describe('Connections at the same time; more are refused.'),
      allowUnauthenticated: z
        .boolean()
        .default(false)
        .describe(
          'Answer requests without credentials also beyond loopback. Whoever reaches the port can use every model; administering needs `http.adminToken`.',
        )
        .meta({ live: true }),
      adminToken: z
        .string()
        .optional()
        .describe(
          'Whoever sends it as `Authorization: Bearer …` may administer the server and use every model; at least 16 characters. Give it as `env:NAME` or `file:/path`.',
        )
        .meta({ secret: true, live: true }),
      origins: z
        .array(
          z
            .string()
            .min(1)
            .max(256)
            .refine((text) => text === '*' || isOrigin(text), {
              error: "an origin is as browsers send it, e.g. 'https://app.example.com' without a path, or '*' for all",
            }),
        )
        .max(100)
        .default([])
        .describe(
          'Origins whose web pages may use the server (CORS), its WebSockets and `/mcp`, e.g. `https://app.example.com`; `*` for all, save administering. Pages of the server itself and programs need none.',
        )
        .meta({ live: true }),
    })
    .describe('The HTTP server.'),
);
