import { GolekError } from '@golek/api';

/** Header that says how many bytes at the beginning of a body are JSON; what follows are tensors (Triton's binary tensor data extension). */
export const JSON_LENGTH_HEADER = 'inference-header-content-length';

/** A body in its two parts. */
export interface BinaryFrame {
  readonly json: Uint8Array;
  readonly binary: Uint8Array;
}

const NOTHING = new Uint8Array(0);

/** Cuts a body. Throws `invalid_request` for a length that is none or beyond the body. */
export const splitFrame = (body: Uint8Array, jsonLength: string | undefined): BinaryFrame => {
  if (jsonLength === undefined) return { json: body, binary: NOTHING };
  const length = /^\d{1,15}$/.test(jsonLength) ? Number(jsonLength) : Number.NaN;
  if (length <= body.length) return { json: body.subarray(0, length), binary: body.subarray(length) };
  throw new GolekError(
    'invalid_request',
    `the header ${JSON_LENGTH_HEADER} is '${jsonLength.slice(0, 40)}'; expected the bytes of the JSON at the beginning of the body, at most ${body.length}`,
    { details: { path: JSON_LENGTH_HEADER } },
  );
};

/** Joins JSON and tensors to a body; the length of the JSON belongs into the header where there are tensors. */
export const joinFrame = (
  json: string,
  tensors: readonly Uint8Array[],
): { readonly body: Uint8Array; readonly jsonLength: number | undefined } => {
  const head = Buffer.from(json);
  return tensors.length === 0
    ? { body: head, jsonLength: undefined }
    : { body: Buffer.concat([head, ...tensors]), jsonLength: head.length };
};
