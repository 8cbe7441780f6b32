import { z } from 'zod';

/** What files are kept for. */
export const FilePurpose = z.enum(['vision', 'user_data']);
export type FilePurpose = z.infer<typeof FilePurpose>;

/** OpenAI's file object. */
export const FileObject = z
  .strictObject({
    id: z.string(),
    object: z.literal('file'),
    bytes: z.int(),
    created_at: z.int(),
    expires_at: z.int(),
    filename: z.string(),
    purpose: FilePurpose,
    status: z.literal('processed'),
  })
  .meta({ id: 'File' });
export type FileObject = z.infer<typeof FileObject>;

export const FileList = z
  .strictObject({
    object: z.literal('list'),
    data: z.array(FileObject),
    first_id: z.string().nullable(),
    last_id: z.string().nullable(),
    has_more: z.boolean(),
  })
  .meta({ id: 'FileList' });
export type FileList = z.infer<typeof FileList>;

export const FileDeleted = z
  .strictObject({ id: z.string(), object: z.literal('file'), deleted: z.literal(true) })
  .meta({ id: 'FileDeleted' });

export interface FileFacts {
  readonly id: string;
  readonly bytes: number;
  /** Unix time, seconds. */
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly filename: string;
  readonly purpose: FilePurpose;
}

export const fileObject = ({ id, bytes, createdAt, expiresAt, filename, purpose }: FileFacts): FileObject => ({
  id,
  object: 'file',
  bytes,
  created_at: createdAt,
  expires_at: expiresAt,
  filename,
  purpose,
  status: 'processed',
});

export const fileList = (files: readonly FileFacts[], hasMore: boolean): FileList => ({
  object: 'list',
  data: files.map(fileObject),
  first_id: files[0]?.id ?? null,
  last_id: files.at(-1)?.id ?? null,
  has_more: hasMore,
});
