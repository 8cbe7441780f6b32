import {
  checkOptions,
  invalidOption,
  REQUEST_OPTIONS,
  type Log,
  type ModelSource,
  type OptionRule,
  type RequestOption,
  type Task,
} from '@golek/providers-spi';
import { DIALECTS, type DialectName } from './dialect.ts';

/** Settings of an upstream. */
export interface OpenAiProviderOptions {
  /** Id of the provider. Default `openai`. */
  readonly id?: string;
  /** Address of the API with its version, e.g. `https://api.openai.com/v1`. A query in it goes with every request. */
  readonly baseUrl: string;
  /** Sent as bearer token. */
  readonly apiKey?: string;
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What kind of service it is. Default `openai`. */
  readonly dialect?: DialectName;
  /** False: answers are asked for whole, for services that cannot stream. Default true. */
  readonly stream?: boolean;
  /** False: streams are asked for without token counts, for services that do not know `stream_options`. Default true. */
  readonly streamUsage?: boolean;
  /** True: the caller's name of its own user is passed on. Default false. */
  readonly forwardUser?: boolean;
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

/** Settings of one model (`ModelSource.options`). */
export interface OpenAiModelOptions {
  /** What it does. Default `[generate]`. */
  readonly tasks?: readonly ('generate' | 'embed')[];
  /** Tokens that prompt and answer may hold together; the upstream does not tell it. */
  readonly contextLength?: number;
  /** Components of an embedding. */
  readonly embeddingLength?: number;
  /** Options of requests that it takes, by the names of the provider contract. Default: those of the dialect. */
  readonly options?: readonly RequestOption[];
  /** Fields that are added to every request's body. */
  readonly body?: Readonly<Record<string, unknown>>;
  /** True: the upstream's list of models is asked whether it has the model. Default false: nothing is asked before the first request. */
  readonly verify?: boolean;
}

type Defaulted = 'id' | 'dialect' | 'stream' | 'streamUsage' | 'forwardUser' | 'connections' | 'queueLimit';
type Limits = 'connectTimeoutMs' | 'idleTimeoutMs' | 'maxLineBytes' | 'maxResponseBytes';

/** Settings of an upstream with every default filled in. */
export interface ResolvedOptions
  extends Required<Pick<OpenAiProviderOptions, Defaulted | Limits>>, Pick<OpenAiProviderOptions, 'apiKey' | 'log'> {
  readonly baseUrl: URL;
  readonly headers: Readonly<Record<string, string>>;
}

const integer = (low: number, high: number): OptionRule => ({
  allows: (value) => Number.isInteger(value) && (value as number) >= low && (value as number) <= high,
  wanted: `an integer from ${low} to ${high}`,
});

const boolean: OptionRule = { allows: (value) => typeof value === 'boolean', wanted: 'true or false' };

const listOf = (allowed: readonly string[]): OptionRule => ({
  allows: (value) =>
    Array.isArray(value) && value.length > 0 && value.every((item) => allowed.includes(item as string)),
  wanted: `a list of ${allowed.join(', ')}`,
});

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What may stand in a header (RFC 9110): a line break would make another header. */
const HEADER_VALUE = /^[\t\x20-\x7e]*$/;
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

const MiB = 1024 * 1024;

const PROVIDER_RULES: Readonly<Record<keyof OpenAiProviderOptions, OptionRule>> = {
  id: { allows: (value) => typeof value === 'string' && value !== '', wanted: 'a string with at least one character' },
  baseUrl: {
    allows: (value) => typeof value === 'string' && /^https?:$/.test(urlOf(value)?.protocol ?? ''),
    wanted: 'an http or https address such as https://api.openai.com/v1',
  },
  apiKey: {
    allows: (value) => typeof value === 'string' && value !== '' && HEADER_VALUE.test(value),
    wanted: 'a string of printable ASCII characters',
    secret: true,
  },
  headers: {
    allows: (value) =>
      isObject(value) &&
      Object.entries(value).every(
        ([name, text]) => HEADER_NAME.test(name) && typeof text === 'string' && HEADER_VALUE.test(text),
      ),
    wanted: 'a map of header names to values of printable ASCII characters',
    secret: true,
  },
  dialect: {
    allows: (value) => typeof value === 'string' && Object.hasOwn(DIALECTS, value),
    wanted: `one of ${Object.keys(DIALECTS).join(', ')}`,
  },
  stream: boolean,
  streamUsage: boolean,
  forwardUser: boolean,
  connections: integer(1, 10_000),
  queueLimit: integer(0, 100_000),
  connectTimeoutMs: integer(10, 600_000),
  idleTimeoutMs: integer(100, 3_600_000),
  maxLineBytes: integer(1024, 256 * MiB),
  maxResponseBytes: integer(1024, 1024 * MiB),
  log: { allows: isObject, wanted: 'a logger' },
};

const MODEL_RULES: Readonly<Record<keyof OpenAiModelOptions, OptionRule>> = {
  tasks: listOf(['generate', 'embed'] satisfies readonly Task[]),
  contextLength: integer(1, 100_000_000),
  embeddingLength: integer(1, 1_000_000),
  options: listOf(REQUEST_OPTIONS),
  body: { allows: isObject, wanted: 'a map of fields' },
  verify: boolean,
};

const urlOf = (text: string): URL | undefined => (URL.canParse(text) ? new URL(text) : undefined);

/** Throws `config_invalid` naming the key and its allowed values, for an unknown key the nearest known one. */
export const resolveOptions = (options: OpenAiProviderOptions): ResolvedOptions => {
  checkOptions(options, PROVIDER_RULES, `options of the OpenAI provider '${options.id ?? 'openai'}'`);
  const baseUrl = new URL(options.baseUrl);
  if (baseUrl.username !== '' || baseUrl.password !== '') {
    throw invalidOption(
      'options of the OpenAI provider',
      'baseUrl',
      "'baseUrl' must not hold credentials; use 'apiKey' or 'headers'",
    );
  }
  return {
    id: options.id ?? 'openai',
    baseUrl,
    headers: options.headers ?? {},
    dialect: options.dialect ?? 'openai',
    stream: options.stream ?? true,
    streamUsage: options.streamUsage ?? true,
    forwardUser: options.forwardUser ?? false,
    connections: options.connections ?? 64,
    queueLimit: options.queueLimit ?? 256,
    connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
    idleTimeoutMs: options.idleTimeoutMs ?? 300_000,
    maxLineBytes: options.maxLineBytes ?? 4 * MiB,
    maxResponseBytes: options.maxResponseBytes ?? 128 * MiB,
    ...(options.apiKey !== undefined && { apiKey: options.apiKey }),
    ...(options.log && { log: options.log }),
  };
};

/** Throws `config_invalid`, as `resolveOptions` does. */
export const modelOptionsOf = ({ name, options = {} }: ModelSource): OpenAiModelOptions => {
  checkOptions(options, MODEL_RULES, `options of the model '${name}'`);
  return options;
};
