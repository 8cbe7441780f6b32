import { Metadata, status as STATUS } from '@grpc/grpc-js';
import { codeOfGrpcStatus, GRPC_STATUS } from '@golek/protocols/kserve';
import { GolekError, type ErrorCode } from '@golek/providers-spi';
import type { FailureContext } from '@golek/providers-spi/remote';
import { retryTimeOf } from './retry-time.ts';

const EXCERPT = 300;

/** What a reader of the message should do about it. */
const REMEDIES: Readonly<Partial<Record<ErrorCode, string>>> = {
  provider_denied: '; check its apiKey',
  provider_misconfigured: '; check its baseUrl and that the model is loaded there',
};

interface CallError extends Error {
  readonly code: number;
  readonly details: string;
  readonly metadata?: unknown;
}

const isServiceError = (thrown: unknown): thrown is CallError =>
  thrown instanceof Error && typeof (thrown as { code?: unknown }).code === 'number' && 'details' in thrown;

/** What the library itself says, with statuses that mean something else when a server sends them. There is nothing else to tell them by. */
const LOCAL: readonly (readonly [status: number, words: string])[] = [
  [GRPC_STATUS.RESOURCE_EXHAUSTED, 'Received message larger than max'],
  [GRPC_STATUS.UNIMPLEMENTED, 'No message received'],
];

const isLocal = ({ code, details }: CallError): boolean =>
  LOCAL.some(([status, words]) => code === status && details.startsWith(words));

const codeOf = (error: CallError, retryAfter: number | undefined): ErrorCode => {
  if (isLocal(error)) return 'provider_failed';
  // Whoever names a time has too much to do now; without one it is not known what is wrong.
  if (error.code === GRPC_STATUS.UNAVAILABLE && retryAfter !== undefined) return 'overloaded';
  return codeOfGrpcStatus(error.code);
};

/** The number of the status that a call ended with. */
export const statusOf = (thrown: unknown): number | undefined => (isServiceError(thrown) ? thrown.code : undefined);

/** The library gives an error without a status for a message that it cannot unpack. */
const textOf = (thrown: unknown): string => {
  if (!(thrown instanceof Error)) return String(thrown);
  return 'details' in thrown ? 'it sent a message that cannot be unpacked' : thrown.message;
};

/** The failure that a call's status means; names the upstream, its host and what it said. A GolekError passes through. */
export const callFailure = (thrown: unknown, { upstream, host, redact }: FailureContext): GolekError => {
  if (thrown instanceof GolekError) return thrown;
  if (!isServiceError(thrown)) {
    const text = textOf(thrown);
    return new GolekError('provider_failed', `upstream '${upstream}' (${host}) failed: ${text}`, {
      cause: thrown,
      details: { upstream, host },
    });
  }
  const retryAfter = thrown.metadata instanceof Metadata ? retryTimeOf(thrown.metadata) : undefined;
  const code = codeOf(thrown, retryAfter);
  // What refuses a key may repeat it.
  const said =
    code === 'provider_denied'
      ? ''
      : redact(thrown.details)
          .replaceAll(/[\u0000-\u001f\u007f\s]+/g, ' ')
          .trim();
  const words = said === '' ? '' : `: ${said.length > EXCERPT ? `${said.slice(0, EXCERPT)}…` : said}`;
  const name = STATUS[thrown.code] ?? String(thrown.code);
  return new GolekError(code, `upstream '${upstream}' (${host}) answered ${name}${words}${REMEDIES[code] ?? ''}`, {
    cause: thrown,
    details: { upstream, host, status: name },
    ...(retryAfter !== undefined && { retryAfter }),
  });
};
