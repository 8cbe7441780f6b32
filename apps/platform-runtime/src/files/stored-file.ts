import { FilePurpose } from '@golek/protocols/openai-files';
import { z } from 'zod';

/** Formats that are kept, by the names that the house's look at first bytes gives them. */
export const KEPT_FORMATS = {
  PNG: 'image/png',
  JPEG: 'image/jpeg',
  WebP: 'image/webp',
  GIF: 'image/gif',
  WAV: 'audio/wav',
} as const;
type KeptFormat = keyof typeof KEPT_FORMATS;

export const isKept = (format: string | undefined): format is KeptFormat =>
  format !== undefined && Object.hasOwn(KEPT_FORMATS, format);

/** What is written beside a file. */
export const StoredFile = z.strictObject({
  id: z.string().regex(/^file-[0-9a-f]{32}$/),
  tenant: z.string(),
  filename: z.string(),
  purpose: FilePurpose,
  bytes: z.int().min(1),
  format: z.enum(Object.keys(KEPT_FORMATS) as [KeptFormat, ...KeptFormat[]]),
  /** SHA-256 of its content, in hexadecimal digits. */
  digest: z.string(),
  /** Unix time, seconds. */
  createdAt: z.int(),
  expiresAt: z.int(),
});
export type StoredFile = z.infer<typeof StoredFile>;
