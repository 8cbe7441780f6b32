import type { status } from '@grpc/grpc-js';

type StatusName = keyof typeof status;

/** Failures of the server by the conventions for gRPC; the other statuses are its callers' doing. */
const FAILURES: ReadonlySet<string> = new Set<StatusName>([
  'UNKNOWN',
  'DEADLINE_EXCEEDED',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
]);

/** `error.type` of a call that ended with this status, by its name; undefined where nothing failed. */
export const errorTypeOf = (name: string): string | undefined => {
  // As for HTTP, whose clients leave without a status.
  if (name === 'CANCELLED') return 'cancelled';
  return FAILURES.has(name) ? name : undefined;
};
