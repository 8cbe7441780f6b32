import { DIALECTS } from '@golek/provider-openai';
import { configSection } from '@golek/system';
import { z } from 'zod';

const MiB = 1024 ** 2;

const Dialect = z.enum(Object.keys(DIALECTS) as [keyof typeof DIALECTS, ...(keyof typeof DIALECTS)[]]);

const Upstream = z.strictObject({
  id: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'expected 1 to 64 of a-z, 0-9, dot, dash and underscore')
    .refine((id) => id !== 'gguf' && id !== 'onnx', "'gguf' and 'onnx' are the ids of the built-in providers")
    .describe('Name of the upstream, for `models.list` and in messages.'),
  baseUrl: z
    .url({ protocol: /^https?$/, error: 'expected an http or https address such as https://api.openai.com/v1' })
    .describe('Address of the API with its version, e.g. `https://api.openai.com/v1`.'),
  apiKey: z
    .string()
    .min(1)
    .optional()
    .meta({ secret: true })
    .describe('Sent as bearer token: `env:NAME`, `file:PATH` or, in this file only, the key itself.'),
  headers: z
    .record(z.string(), z.string().meta({ secret: true }))
    .default({})
    .describe('Headers of every request, as references like `apiKey`.'),
  dialect: Dialect.default('openai').describe(
    'What kind of service it is. `openai`: what all have in common; `openai-platform`: limits by `max_completion_tokens`; `vllm` and `llama-cpp` (also another Golek) take further sampling options.',
  ),
  stream: z.boolean().default(true).describe('`false` for services that cannot stream.'),
  streamUsage: z.boolean().default(true).describe('`false` for services that do not know `stream_options`.'),
  forwardUser: z.boolean().default(false).describe("Pass on the client's name of its own user."),
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

const unique = (upstreams: readonly { readonly id: string }[]): boolean =>
  new Set(upstreams.map(({ id }) => id)).size === upstreams.length;

export const upstreamsConfig = configSection(
  'upstreams',
  z
    .array(Upstream)
    .max(100)
    .refine(unique, 'two upstreams have the same id')
    .default([])
    .describe('Services with an OpenAI-compatible API whose models `models.list` may name.'),
);
