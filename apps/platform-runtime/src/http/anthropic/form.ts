import { GolekError } from '@golek/api';
import { AnthropicErrorBody, errorBody, errorEvent, errorStatus, SSE_PING } from '@golek/protocols/anthropic';
import type { IncomingHttpHeaders } from 'node:http';
import type { ErrorForm, StreamForm } from '../wire-form.ts';

/** The versions of the API that are spoken, in one form: the later one only takes parameters away. */
const VERSIONS: readonly unknown[] = ['2023-06-01', '2026-10-21'];

export const ANTHROPIC_ERRORS: ErrorForm = {
  body: errorBody,
  status: errorStatus,
  schema: AnthropicErrorBody,
  requestIdHeader: 'request-id',
};

export const ANTHROPIC_STREAM: StreamForm = {
  contentType: 'text/event-stream; charset=utf-8',
  heartbeat: SSE_PING,
  error: errorEvent,
};

/** True for a client of Anthropic's API: every request of it names the version. */
export const speaksAnthropic = (headers: IncomingHttpHeaders): boolean => headers['anthropic-version'] !== undefined;

/** Throws `unsupported` for another version than those that are spoken. */
export const checkVersion = (headers: IncomingHttpHeaders): void => {
  const version = headers['anthropic-version'];
  if (version === undefined || VERSIONS.includes(version)) return;
  throw new GolekError(
    'unsupported',
    `anthropic-version '${String(version).slice(0, 40)}' is not supported; send ${VERSIONS.join(' or ')}`,
  );
};
