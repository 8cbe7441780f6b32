import type { Log } from '@golek/api';
import { checkOptions, invalidOption, type OptionRule } from '../option-rules.ts';
import { checkTls, type TlsOptions } from './tls-options.ts';

/** Settings that every upstream has, whatever it speaks. */
export interface UpstreamOptions {
  /** Id of the provider. */
  readonly id?: string;
  /** Address of the API. A query in it goes with every request. */
  readonly baseUrl: string;
  /** Sent in the way of the service. */
  readonly apiKey?: string;
  /** Several keys in place of one: used in turn, and one that is refused or limited rests. */
  readonly apiKeys?: readonly string[];
  /** How `https` is secured. */
  readonly tls?: TlsOptions;
  /** True: HTTP/2 is offered to a service at an `https` address, and requests share its connections. Default false. */
  readonly http2?: boolean;
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Requests at the same time, each on a connection of its own. Default 64. */
  readonly connections?: number;
  /** Requests that may wait for a connection; further ones are refused with `overloaded`. Default 256. */
  readonly queueLimit?: number;
  /** Longest time to connect, milliseconds. Default 10,000. */
  readonly connectTimeoutMs?: number;
  /** A connection on which nothing comes for so long while an answer is due is taken for dead, milliseconds. Default 300,000. */
  readonly idleTimeoutMs?: number;
  /** Longest line of a stream, bytes. Default 4 MiB. */
  readonly maxLineBytes?: number;
  /** Longest answer, bytes. Default 128 MiB. */
  readonly maxResponseBytes?: number;
  /** Told of odd things that upstreams do. */
  readonly log?: Log;
}

/** The same with every default filled in. */
export interface ResolvedUpstream
  extends Required<Omit<UpstreamOptions, 'baseUrl' | 'apiKey' | 'tls' | 'log'>>, Pick<UpstreamOptions, 'tls' | 'log'> {
  readonly baseUrl: URL;
}

/** What kind of provider it is. */
export interface UpstreamKind {
  /** For messages, e.g. `OpenAI`. */
  readonly name: string;
  /** Id of a provider that is given none. */
  readonly id: string;
  /** Rules of the options that it has beside those of every upstream. */
  readonly rules: Readonly<Record<string, OptionRule>>;
  /** An address as an example. */
  readonly example: string;
}

export const integerRule = (low: number, high: number): OptionRule => ({
  allows: (value) => Number.isInteger(value) && (value as number) >= low && (value as number) <= high,
  wanted: `an integer from ${low} to ${high}`,
});

export const booleanRule: OptionRule = { allows: (value) => typeof value === 'boolean', wanted: 'true or false' };

export const oneOfRule = (allowed: readonly string[]): OptionRule => ({
  allows: (value) => typeof value === 'string' && allowed.includes(value),
  wanted: `one of ${allowed.join(', ')}`,
});

export const listRule = (allowed: readonly string[]): OptionRule => ({
  allows: (value) =>
    Array.isArray(value) && value.length > 0 && value.every((item) => allowed.includes(item as string)),
  wanted: `a list of ${allowed.join(', ')}`,
});

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const objectRule = (wanted: string): OptionRule => ({ allows: isObject, wanted });

/** What may stand in a header (RFC 9110): a line break would make another header. */
const HEADER_VALUE = /^[\t\x20-\x7e]*$/;
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

const MiB = 1024 * 1024;
const MOST_KEYS = 100;

const isKey = (value: unknown): value is string =>
  typeof value === 'string' && value !== '' && HEADER_VALUE.test(value);

const urlOf = (text: string): URL | undefined => (URL.canParse(text) ? new URL(text) : undefined);

const upstreamRules = (example: string): Readonly<Record<keyof UpstreamOptions, OptionRule>> => ({
  id: { allows: (value) => typeof value === 'string' && value !== '', wanted: 'a string with at least one character' },
  baseUrl: {
    allows: (value) => typeof value === 'string' && /^https?:$/.test(urlOf(value)?.protocol ?? ''),
    wanted: `an http or https address such as ${example}`,
  },
  apiKey: {
    allows: isKey,
    wanted: 'a string of printable ASCII characters',
    secret: true,
  },
  apiKeys: {
    allows: (value) => Array.isArray(value) && value.length > 0 && value.length <= MOST_KEYS && value.every(isKey),
    wanted: `a list of 1 to ${MOST_KEYS} strings of printable ASCII characters`,
    secret: true,
  },
  tls: { ...objectRule('an object with ca, certificate, key and serverName'), secret: true },
  http2: booleanRule,
  headers: {
    allows: (value) =>
      isObject(value) &&
      Object.entries(value).every(
        ([name, text]) => HEADER_NAME.test(name) && typeof text === 'string' && HEADER_VALUE.test(text),
      ),
    wanted: 'a map of header names to values of printable ASCII characters',
    secret: true,
  },
  connections: integerRule(1, 10_000),
  queueLimit: integerRule(0, 100_000),
  connectTimeoutMs: integerRule(10, 600_000),
  idleTimeoutMs: integerRule(100, 3_600_000),
  maxLineBytes: integerRule(1024, 256 * MiB),
  maxResponseBytes: integerRule(1024, 1024 * MiB),
  log: objectRule('a logger'),
});

/** Throws `config_invalid` naming the key and its allowed values, for an unknown key the nearest known one. */
export const resolveUpstream = (options: UpstreamOptions, kind: UpstreamKind): ResolvedUpstream => {
  const what = `options of the ${kind.name} provider`;
  checkOptions(options, { ...upstreamRules(kind.example), ...kind.rules }, `${what} '${options.id ?? kind.id}'`);
  const baseUrl = new URL(options.baseUrl);
  if (baseUrl.username !== '' || baseUrl.password !== '') {
    throw invalidOption(what, 'baseUrl', "'baseUrl' must not hold credentials; use 'apiKey' or 'headers'");
  }
  if (options.apiKey !== undefined && options.apiKeys)
    throw invalidOption(what, 'apiKeys', "'apiKey' and 'apiKeys' stand for the same; give one of them");
  if (options.tls) checkTls(options.tls, baseUrl, `${what} '${options.id ?? kind.id}'`);
  return {
    id: options.id ?? kind.id,
    baseUrl,
    apiKeys: options.apiKey === undefined ? [...new Set(options.apiKeys)] : [options.apiKey],
    http2: options.http2 ?? false,
    headers: options.headers ?? {},
    connections: options.connections ?? 64,
    queueLimit: options.queueLimit ?? 256,
    connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
    idleTimeoutMs: options.idleTimeoutMs ?? 300_000,
    maxLineBytes: options.maxLineBytes ?? 4 * MiB,
    maxResponseBytes: options.maxResponseBytes ?? 128 * MiB,
    ...(options.tls && { tls: options.tls }),
    ...(options.log && { log: options.log }),
  };
};
