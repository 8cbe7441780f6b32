import { z } from 'zod';
import { parseBody } from '../../request-body/parse-body.ts';
import { limited } from '../../request-body/refusals.ts';
import { FilePurpose } from './file-object.ts';

/** The fields of POST /v1/files beside the file itself. */
export const UploadForm = z
  .strictObject({
    purpose: limited(
      FilePurpose,
      "files are kept as pictures and recordings for requests; send 'vision' or 'user_data'",
    ),
    'expires_after[anchor]': z.literal('created_at').exactOptional(),
    'expires_after[seconds]': z
      .string()
      .regex(/^\d{1,9}$/, 'expected a whole number of seconds')
      .exactOptional(),
  })
  .meta({ id: 'UploadForm' });

/** For the OpenAPI document: the form with its file. */
export const FileUpload = UploadForm.extend({
  file: z.string().meta({ format: 'binary' }).describe('A picture (PNG, JPEG, WebP, GIF) or a recording (WAV).'),
}).meta({ id: 'FileUpload' });

export interface UploadWish {
  readonly purpose: FilePurpose;
  /** Seconds until it may be deleted; absent: the server's own time. */
  readonly expiresAfter?: number;
}

/** Reads the fields. Throws `invalid_request`, `unknown_parameter` and `unsupported`, with the field in `details.path`. */
export const readUploadForm = (fields: Readonly<Record<string, string>>): UploadWish => {
  const { purpose, 'expires_after[seconds]': seconds } = parseBody(UploadForm, fields);
  return { purpose, ...(seconds !== undefined && { expiresAfter: Number(seconds) }) };
};
