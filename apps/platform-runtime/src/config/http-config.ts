import { configSection } from '@golek/system';
import { z } from 'zod';

export const httpConfig = configSection(
  'http',
  z
    .strictObject({
      host: z
        .string()
        .min(1)
        .default('127.0.0.1')
        .describe('Address to listen on. Beyond loopback the server starts only with `http.allowUnauthenticated`.'),
      port: z.int().min(0).max(65535).default(11500).describe('Port to listen on; 0 takes a free one.'),
      bodyLimitBytes: z
        .int()
        .min(1024)
        .max(1024 ** 3)
        .default(32 * 1024 ** 2)
        .describe('Largest request body, bytes.'),
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
        ),
      writeTimeoutMs: z
        .int()
        .min(100)
        .max(3_600_000)
        .default(60_000)
        .describe('A client that reads nothing of its stream for so long is cut off, milliseconds.'),
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
          'Listen beyond loopback although requests carry no credentials. Whoever reaches the port can use every model.',
        ),
    })
    .describe('The HTTP server.'),
);
