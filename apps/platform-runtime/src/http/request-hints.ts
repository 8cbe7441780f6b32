import type { IncomingHttpHeaders } from 'node:http';
import { GolekError } from '@golek/api';
import type { RoutingHints } from '@golek/plugins-api';

/** Headers by which a caller asks for something beside the request itself; what OpenAPI says of them. */
export const HINT_HEADERS = {
  'x-golek-target': 'Model to be taken among the targets of the route.',
  'x-golek-sticky': 'Requests with the same key go to the same target where the route allows it.',
  'x-golek-device': 'Only targets on this kind of device: cpu, gpu or remote.',
  'x-golek-priority': 'Higher is served first where requests wait: -10 to 10, default 0.',
  'x-golek-timeout-ms':
    'The answer is of no use after so many milliseconds; the request ends with deadline_exceeded then.',
  'x-golek-config': 'Settings for this request, `key=value; key=value`, as far as they may be set by requests.',
} as const;
type HintHeader = keyof typeof HINT_HEADERS;

/** What the headers ask for, in the terms of a call. */
export interface RequestHints {
  readonly hints?: RoutingHints;
  readonly priority?: number;
  /** From the receipt of the request, milliseconds. */
  readonly timeoutMs?: number;
  readonly overrides?: Readonly<Record<string, unknown>>;
}

/** Reads the text of `x-golek-config`. */
export type OverrideReader = (text: string) => Readonly<Record<string, unknown>>;

const NO_HINTS: RequestHints = Object.freeze({});
const LONGEST: Readonly<Record<HintHeader, number>> = {
  'x-golek-target': 256,
  'x-golek-sticky': 256,
  'x-golek-device': 16,
  'x-golek-priority': 8,
  'x-golek-timeout-ms': 12,
  'x-golek-config': 2048,
};
const LONGEST_TIMEOUT_MS = 24 * 3_600_000;
const PRINTABLE = /^[\x20-\x7e]+$/;

const wrong = (header: HintHeader, value: string, expected: string): GolekError =>
  new GolekError('invalid_request', `the header ${header} is '${value.slice(0, 80)}'; ${expected}`, {
    details: { path: header },
  });

const textOf = (headers: IncomingHttpHeaders, header: HintHeader): string | undefined => {
  const value = headers[header];
  if (value === undefined) return undefined;
  const text = String(value).trim();
  const limit = LONGEST[header];
  if (text.length > limit) throw wrong(header, text, `expected at most ${limit} characters`);
  if (!PRINTABLE.test(text)) throw wrong(header, text, 'expected printable ASCII, at least one character');
  return text;
};

const integerOf = (headers: IncomingHttpHeaders, header: HintHeader, min: number, max: number): number | undefined => {
  const text = textOf(headers, header);
  if (text === undefined) return undefined;
  const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw wrong(header, text, `expected a whole number from ${min} to ${max}`);
};

const deviceOf = (headers: IncomingHttpHeaders): RoutingHints['device'] => {
  const text = textOf(headers, 'x-golek-device');
  if (text === undefined || text === 'cpu' || text === 'gpu' || text === 'remote') return text;
  throw wrong('x-golek-device', text, "expected 'cpu', 'gpu' or 'remote'");
};

/** Throws `invalid_request` that names the header. */
export const readHints = (headers: IncomingHttpHeaders, readOverrides: OverrideReader): RequestHints => {
  if (!hasHints(headers)) return NO_HINTS;
  const target = textOf(headers, 'x-golek-target');
  const sticky = textOf(headers, 'x-golek-sticky');
  const device = deviceOf(headers);
  const priority = integerOf(headers, 'x-golek-priority', -10, 10);
  const timeoutMs = integerOf(headers, 'x-golek-timeout-ms', 1, LONGEST_TIMEOUT_MS);
  const config = textOf(headers, 'x-golek-config');
  return {
    ...((target ?? sticky ?? device) !== undefined && {
      hints: {
        ...(target !== undefined && { target }),
        ...(sticky !== undefined && { sticky }),
        ...(device !== undefined && { device }),
      },
    }),
    ...(priority !== undefined && { priority }),
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(config !== undefined && { overrides: readOverrides(config) }),
  };
};

/** Most requests have none: named one by one, since a loop over names costs more than the look-ups. */
const hasHints = (headers: IncomingHttpHeaders): boolean =>
  headers['x-golek-target'] !== undefined ||
  headers['x-golek-sticky'] !== undefined ||
  headers['x-golek-device'] !== undefined ||
  headers['x-golek-priority'] !== undefined ||
  headers['x-golek-timeout-ms'] !== undefined ||
  headers['x-golek-config'] !== undefined;
