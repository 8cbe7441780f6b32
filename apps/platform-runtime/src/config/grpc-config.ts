import { configSection } from '@golek/system';
import { z } from 'zod';
import { tlsSettings } from './tls-config.ts';

const MiB = 1024 ** 2;

export const grpcConfig = configSection(
  'grpc',
  z
    .strictObject({
      port: z
        .int()
        .min(0)
        .max(65535)
        .optional()
        .describe(
          'Port for clients of the KServe v2 protocol over gRPC, on the address `http.host` and with the credentials of the HTTP server; 0 takes a free one. Absent: no gRPC.',
        ),
      tls: tlsSettings(' Default: as the HTTP server, by `http.tls`.'),
      maxMessageBytes: z
        .int()
        .min(1024)
        .max(1024 * MiB)
        .default(64 * MiB)
        .describe('Largest message, bytes.'),
      maxStreams: z.int().min(1).max(10_000).default(256).describe('Calls at the same time on one connection.'),
    })
    .describe('The gRPC server.'),
);
