import { status as STATUS } from '@grpc/grpc-js';
import { codeOfGrpcStatus } from '@golek/protocols/kserve';
import { GolekError, type ErrorCode } from '@golek/providers-spi';
import type { FailureContext } from '@golek/providers-spi/remote';

const EXCERPT = 300;

/** What a reader of the message should do about it. */
const REMEDIES: Readonly<Partial<Record<ErrorCode, string>>> = {
  provider_denied: '; check its apiKey',
  provider_misconfigured: '; check its baseUrl and that the model is loaded there',
};

const isServiceError = (thrown: unknown): thrown is Error & { readonly code: number; readonly details: string } =>
  thrown instanceof Error && typeof (thrown as { code?: unknown }).code === 'number' && 'details' in thrown;

/** The number of the status that a call ended with. */
export const statusOf = (thrown: unknown): number | undefined => (isServiceError(thrown) ? thrown.code : undefined);

/** The failure that a call's status means; names the upstream, its host and what it said. A GolekError passes through. */
export const callFailure = (thrown: unknown, { upstream, host, redact }: FailureContext): GolekError => {
  if (thrown instanceof GolekError) return thrown;
  if (!isServiceError(thrown)) {
    const text = thrown instanceof Error ? thrown.message : String(thrown);
    return new GolekError('provider_failed', `upstream '${upstream}' (${host}) failed: ${text}`, {
      cause: thrown,
      details: { upstream, host },
    });
  }
  const code = codeOfGrpcStatus(thrown.code);
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
  });
};
