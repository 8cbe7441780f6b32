import { configSection } from '@golek/system';
import { z } from 'zod';

const MIB = 1024 ** 2;

const bytes = (standard: number, what: string) =>
  z
    .int()
    .min(1024)
    .max(1024 ** 4)
    .default(standard)
    .describe(what)
    .meta({ live: true });

export const filesConfig = configSection(
  'files',
  z
    .strictObject({
      maxBytes: bytes(20 * MIB, 'Largest file that can be uploaded, bytes.'),
      maxTenantBytes: bytes(256 * MIB, 'Files of one tenant together, bytes.'),
      maxTotalBytes: bytes(1024 * MIB, 'Files of all tenants together, bytes.'),
      maxTenantFiles: z.int().min(1).max(100_000).default(1_000).describe('Files of one tenant.').meta({ live: true }),
      maxFiles: z.int().min(1).max(1_000_000).default(10_000).describe('Files of all tenants.').meta({ live: true }),
      maxAgeSeconds: z
        .int()
        .min(60)
        .max(366 * 86_400)
        .default(30 * 86_400)
        .describe('A file is deleted so long after its upload, or earlier where that was asked for, seconds.')
        .meta({ live: true }),
    })
    .describe('Pictures and recordings that are uploaded once and used by their ids (`POST /v1/files`).'),
);
