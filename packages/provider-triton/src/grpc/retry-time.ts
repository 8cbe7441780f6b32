import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import type { Metadata } from '@grpc/grpc-js';

const RETRY_INFO = 'type.googleapis.com/google.rpc.RetryInfo';
const LONGEST_S = 86_400;

/** The fields of a message whose type is not known here: lengths of bytes and whole numbers. Throws for bytes that are no message. */
const fieldsOf = (bytes: Uint8Array): (readonly [number: number, value: Uint8Array | number])[] => {
  const reader = new BinaryReader(bytes);
  const fields: (readonly [number, Uint8Array | number])[] = [];
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (wireType === WireType.LengthDelimited) fields.push([number, reader.bytes()]);
    else if (wireType === WireType.Varint) fields.push([number, Number(reader.int64())]);
    else reader.skip(wireType);
  }
  return fields;
};

const messagesIn = (bytes: Uint8Array, wanted: number): Uint8Array[] =>
  fieldsOf(bytes).flatMap(([number, value]) => (number === wanted && value instanceof Uint8Array ? [value] : []));

const numberIn = (bytes: Uint8Array, wanted: number): number => {
  const value = fieldsOf(bytes).find(([number]) => number === wanted)?.[1];
  return typeof value === 'number' ? value : 0;
};

/** Seconds of `google.rpc.Status` → details → `RetryInfo` → `retry_delay`. */
const secondsIn = (status: Uint8Array): number | undefined => {
  for (const any of messagesIn(status, 3)) {
    const [type, value] = [messagesIn(any, 1)[0], messagesIn(any, 2)[0]];
    if (!value || Buffer.from(type ?? []).toString() !== RETRY_INFO) continue;
    const [delay] = messagesIn(value, 1);
    if (delay) return numberIn(delay, 1) + numberIn(delay, 2) / 1e9;
  }
  return undefined;
};

const numeric = (value: string | Buffer | undefined): number | undefined =>
  typeof value === 'string' && /^\d+(\.\d+)?$/.test(value) ? Number(value) : undefined;

/**
 * Seconds after which a server wants to be asked again: `RetryInfo` in `grpc-status-details-bin`, `grpc-retry-pushback-ms`, or `retry-after` (another Golek). What cannot be read,
 * or is further away than a day, is undefined.
 */
export const retryTimeOf = (metadata: Metadata): number | undefined => {
  const pushback = numeric(metadata.get('grpc-retry-pushback-ms')[0]);
  const seconds =
    detailsOf(metadata) ?? (pushback === undefined ? numeric(metadata.get('retry-after')[0]) : pushback / 1000);
  return seconds !== undefined && seconds >= 0 && seconds <= LONGEST_S ? seconds : undefined;
};

const detailsOf = (metadata: Metadata): number | undefined => {
  const [details] = metadata.get('grpc-status-details-bin');
  if (!Buffer.isBuffer(details)) return undefined;
  try {
    return secondsIn(details);
  } catch {
    // Details are an extra: a status without them is as good.
    return undefined;
  }
};
