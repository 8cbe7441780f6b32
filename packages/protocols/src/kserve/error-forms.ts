import type { ErrorCode, GolekError } from '@golek/api';
import { z } from 'zod';

/** The error object of the protocol. */
export const KserveError = z.strictObject({ error: z.string() }).meta({ id: 'KserveError' });

export const kserveError = ({ message }: GolekError): z.infer<typeof KserveError> => ({ error: message });

/** Status codes of gRPC, by the numbers of its specification. */
export const GRPC_STATUS = {
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const;

/** What is not here is the server's own fault: INTERNAL. */
const STATUS_OF: Readonly<Partial<Record<ErrorCode, keyof typeof GRPC_STATUS>>> = {
  invalid_request: 'INVALID_ARGUMENT',
  invalid_json: 'INVALID_ARGUMENT',
  unknown_parameter: 'INVALID_ARGUMENT',
  context_length_exceeded: 'INVALID_ARGUMENT',
  unsupported: 'UNIMPLEMENTED',
  unauthenticated: 'UNAUTHENTICATED',
  permission_denied: 'PERMISSION_DENIED',
  model_not_found: 'NOT_FOUND',
  conflict: 'ABORTED',
  request_timeout: 'DEADLINE_EXCEEDED',
  deadline_exceeded: 'DEADLINE_EXCEEDED',
  request_too_large: 'RESOURCE_EXHAUSTED',
  rate_limited: 'RESOURCE_EXHAUSTED',
  insufficient_memory: 'RESOURCE_EXHAUSTED',
  overloaded: 'UNAVAILABLE',
  shutting_down: 'UNAVAILABLE',
  engine_crashed: 'UNAVAILABLE',
  breaker_open: 'UNAVAILABLE',
  provider_failed: 'UNAVAILABLE',
  provider_denied: 'FAILED_PRECONDITION',
  provider_misconfigured: 'FAILED_PRECONDITION',
  model_invalid: 'FAILED_PRECONDITION',
  cancelled: 'CANCELLED',
};

/** The name of the status that an error is told with. */
export const grpcStatusOf = ({ code }: Pick<GolekError, 'code'>): keyof typeof GRPC_STATUS =>
  STATUS_OF[code] ?? 'INTERNAL';

/** What a status of a server that was asked means here. What is not here is its failure. */
const CODE_OF: Readonly<Record<number, ErrorCode>> = {
  [GRPC_STATUS.INVALID_ARGUMENT]: 'invalid_request',
  [GRPC_STATUS.DEADLINE_EXCEEDED]: 'deadline_exceeded',
  [GRPC_STATUS.NOT_FOUND]: 'provider_misconfigured',
  [GRPC_STATUS.FAILED_PRECONDITION]: 'provider_misconfigured',
  [GRPC_STATUS.PERMISSION_DENIED]: 'provider_denied',
  [GRPC_STATUS.UNAUTHENTICATED]: 'provider_denied',
  [GRPC_STATUS.RESOURCE_EXHAUSTED]: 'overloaded',
  [GRPC_STATUS.UNIMPLEMENTED]: 'unsupported',
};

export const codeOfGrpcStatus = (status: number): ErrorCode => CODE_OF[status] ?? 'provider_failed';
