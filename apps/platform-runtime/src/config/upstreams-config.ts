import { DIALECTS } from '@golek/provider-openai';
import { configSection, type ConfigOf } from '@golek/system';
import { z } from 'zod';

const MiB = 1024 ** 2;

/** What an upstream speaks, with the keys that only upstreams of the type have. */
const OWN_KEYS = {
  openai: ['dialect', 'organization', 'project', 'streamUsage', 'stream', 'forwardUser'],
  anthropic: ['version', 'betas', 'stream', 'forwardUser'],
  gemini: ['stream'],
  ollama: [],
  triton: ['protocol', 'channels', 'keepAliveMs'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type UpstreamType = keyof typeof OWN_KEYS;

const TYPES = Object.keys(OWN_KEYS) as [UpstreamType, ...UpstreamType[]];

const Dialect = z.enum(Object.keys(DIALECTS) as [keyof typeof DIALECTS, ...(keyof typeof DIALECTS)[]]);

const Pem = z.string().min(1).meta({ secret: true }).exactOptional();

const HeaderText = z.string().regex(/^[\x21-\x7e]{1,256}$/, 'expected printable ASCII characters without spaces');

const Pattern = z.string().min(1).max(128);

/** Which of the models that a service lists are served, and how. */
const ListedModels = z.strictObject({
  include: z
    .array(Pattern)
    .min(1)
    .max(100)
    .default(['*'])
    .describe('Names at the service, with `*` for any characters; default: all.'),
  exclude: z.array(Pattern).max(100).default([]).describe('The same for models that are left out.'),
  prefix: z
    .string()
    .regex(/^[\x21-\x7e]{0,64}$/, 'expected up to 64 printable ASCII characters without spaces')
    .default('')
    .describe('Stands before the name here, e.g. `farm/`.'),
  refreshMs: z
    .int()
    .min(1_000)
    .max(86_400_000)
    .default(60_000)
    .describe('The list is asked for again so often, milliseconds, a tenth more or less; sooner after a failure.'),
  maxModels: z.int().min(1).max(10_000).default(1_000).describe('Further ones, by name, are left out with a warning.'),
  options: z
    .record(z.string(), z.unknown())
    .default({})
    .describe('Settings of each, as `models.list[].options`; they come before what the list says.'),
});

const Fields = z.strictObject({
  id: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'expected 1 to 64 of a-z, 0-9, dot, dash and underscore')
    .refine((id) => id !== 'gguf' && id !== 'onnx', "'gguf' and 'onnx' are the ids of the built-in providers")
    .describe('Name of the upstream, for `models.list` and in messages.'),
  type: z
    .enum(TYPES)
    .default('openai')
    .describe(
      "What it speaks: OpenAI's API, Anthropic's Messages API, Google's Gemini API, Ollama's own, or KServe v2 as Triton does.",
    ),
  baseUrl: z
    .url({ protocol: /^https?$/, error: 'expected an http or https address such as https://api.openai.com/v1' })
    .describe(
      'Address of the API with its version, e.g. `https://api.openai.com/v1`, `https://api.anthropic.com/v1`, `https://generativelanguage.googleapis.com/v1beta`; of an Ollama or Triton server without, e.g. `http://127.0.0.1:11434`, `http://127.0.0.1:8001`.',
    ),
  apiKey: z
    .string()
    .min(1)
    .optional()
    .meta({ secret: true })
    .describe(
      'Sent as bearer token, to Anthropic as `x-api-key`, to Gemini as `x-goog-api-key`: `env:NAME`, `file:PATH` or, in this file only, the key itself.',
    ),
  apiKeys: z
    .array(z.string().min(1).meta({ secret: true }))
    .min(1)
    .max(100)
    .exactOptional()
    .describe(
      'Several keys in place of `apiKey`, as references: used in turn. One that the service refuses or limits (401, 402, 429) rests, by `Retry-After` where it is told; the request goes on with another.',
    ),
  tls: z
    .strictObject({
      ca: Pem.describe('Authorities that are trusted, in place of those of Node.'),
      certificate: Pem.describe('Shown to a service that wants to know who asks (mutual TLS), with `key`.'),
      key: Pem.describe('Private key of `certificate`.'),
      serverName: z
        .string()
        .regex(/^[\w.-]{1,253}$/, 'expected the name of a host')
        .exactOptional()
        .describe('Name that the certificate of the service has to have; default: the host of `baseUrl`.'),
    })
    .exactOptional()
    .describe('How connections to an `https` address are secured. PEM, as references like `apiKey`.'),
  http2: z
    .boolean()
    .default(false)
    .describe('Offer HTTP/2 to a service at an `https` address: requests share its connections. gRPC always has it.'),
  headers: z
    .record(z.string(), z.string().meta({ secret: true }))
    .default({})
    .describe('Headers of every request, as references like `apiKey`.'),
  models: z
    .union([z.literal('all'), ListedModels], { error: "expected 'all' or a map such as { include: ['llama*'] }" })
    .exactOptional()
    .describe(
      'Serve the models that the service lists, beside those that `models.list` names: `all`, or a map with `include`, `exclude`, `prefix`, `refreshMs`, `maxModels` and `options`. Default: none.',
    ),
  dialect: Dialect.optional().describe(
    "Type `openai`: what kind of service it is, whose own names and refusals are then known. `openai`, the default: what all have in common; `openai-platform`: OpenAI's own, with limits by `max_completion_tokens`; `llama-cpp`: also another Golek; `azure`: deployments in the path, for a `baseUrl` such as `https://NAME.openai.azure.com/openai?api-version=2024-10-21`.",
  ),
  organization: HeaderText.optional().describe('Type `openai`: sent as `OpenAI-Organization`.'),
  project: HeaderText.optional().describe('Type `openai`: sent as `OpenAI-Project`.'),
  stream: z
    .boolean()
    .optional()
    .describe('Types `openai`, `anthropic` and `gemini`: `false` for services that cannot stream.'),
  streamUsage: z
    .boolean()
    .optional()
    .describe('Type `openai`: `false` for services that do not know `stream_options`.'),
  forwardUser: z
    .boolean()
    .optional()
    .describe("Types `openai` and `anthropic`: pass on the client's name of its own user."),
  version: z
    .enum(['2023-06-01', '2026-10-21'])
    .optional()
    .describe(
      'Type `anthropic`: `anthropic-version`, default 2023-06-01; the later one takes no temperature, top_p and top_k.',
    ),
  betas: z
    .array(z.string().regex(/^[\w.-]+$/))
    .optional()
    .describe('Type `anthropic`: names for `anthropic-beta`.'),
  protocol: z.enum(['grpc', 'http']).optional().describe('Type `triton`: what is spoken; default grpc.'),
  channels: z
    .int()
    .min(1)
    .max(64)
    .optional()
    .describe('Type `triton`: HTTP/2 connections of gRPC, among which calls are shared; default 2.'),
  keepAliveMs: z
    .int()
    .min(0)
    .max(3_600_000)
    .optional()
    .describe(
      'Type `triton`: a gRPC connection in use is pinged so often, milliseconds; default 0, never: servers that are not told take frequent pings for an attack.',
    ),
  connections: z.int().min(1).max(10_000).default(64).describe('Requests at the same time, of all models.'),
  queueLimit: z
    .int()
    .min(0)
    .max(100_000)
    .default(256)
    .describe('Requests that may wait for a connection; more are refused.'),
  connectTimeoutMs: z.int().min(10).max(600_000).default(10_000).describe('Longest time to connect, milliseconds.'),
  idleTimeoutMs: z
    .int()
    .min(100)
    .max(3_600_000)
    .default(300_000)
    .describe(
      'A connection on which nothing comes for so long while an answer is due is taken for dead, milliseconds.',
    ),
  maxLineBytes: z
    .int()
    .min(1024)
    .max(256 * MiB)
    .default(4 * MiB)
    .describe('Longest line of a stream, bytes.'),
  maxResponseBytes: z
    .int()
    .min(1024)
    .max(1024 * MiB)
    .default(128 * MiB)
    .describe('Longest answer, bytes.'),
});

/** A key of another type would have no effect. */
const Upstream = Fields.superRefine((upstream, context) => {
  const own: readonly string[] = OWN_KEYS[upstream.type];
  for (const key of new Set(Object.values(OWN_KEYS).flat())) {
    if (upstream[key] === undefined || own.includes(key)) continue;
    const types = TYPES.filter((type) => (OWN_KEYS[type] as readonly string[]).includes(key));
    const message = `'${key}' is for upstreams of the type ${types.join(' or ')}; this one is of the type ${upstream.type}`;
    context.addIssue({ code: 'custom', path: [key], message });
  }
});

const hasList = (dialect: keyof typeof DIALECTS = 'openai'): boolean => !('deployments' in DIALECTS[dialect]);

const Listing = Upstream.refine(({ models, dialect }) => models === undefined || hasList(dialect), {
  path: ['models'],
  error: "'models' needs a list of models, and this dialect has none of its deployments; name them in 'models.list'",
});

const unique = (upstreams: readonly { readonly id: string }[]): boolean =>
  new Set(upstreams.map(({ id }) => id)).size === upstreams.length;

export const upstreamsConfig = configSection(
  'upstreams',
  z
    .array(Listing)
    .max(100)
    .refine(unique, 'two upstreams have the same id')
    .default([])
    .describe('Services whose models `models.list` may name, or that are served as the service lists them (`models`).'),
);
export type UpstreamConfig = ConfigOf<typeof upstreamsConfig>[number];

export type ListedModelsConfig = Exclude<UpstreamConfig['models'], 'all' | undefined>;

/** How the models that an upstream lists are served; undefined: not at all. */
export const listedModelsOf = ({ models }: Pick<UpstreamConfig, 'models'>): ListedModelsConfig | undefined =>
  models === 'all' ? ListedModels.parse({}) : models;
