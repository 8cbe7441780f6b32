import { EmbedRequest as CanonicalEmbed } from '@golek/api';
import { z } from 'zod';
import { invalid, parseBody } from '../request-body/parse-body.ts';
import { KeepAlive, ModelName, readUse } from './common-fields.ts';
import type { EmbedCall, LifeCall } from './model-call.ts';
import { ModelOptions, readOptions } from './model-options.ts';
import { EMBED_PARAMS } from './wire-params.ts';

/** Bound on the inputs of one request. */
const MAX_INPUTS = 2048;

/** Some clients send it with every request. */
const strayStream = z.boolean().nullish().describe('Taken and not needed: vectors come at once.');

/** The body of POST /api/embed. */
export const EmbedRequest = z
  .strictObject({
    model: ModelName,
    input: z
      .union([z.string(), z.array(z.string().min(1))], 'expected a string or an array of non-empty strings')
      .nullish()
      .describe('None: the model is loaded, or unloaded with `keep_alive` 0.'),
    truncate: z.boolean().nullish(),
    dimensions: CanonicalEmbed.shape.dimensions.nullable(),
    keep_alive: KeepAlive,
    options: ModelOptions.nullish(),
    stream: strayStream,
  })
  .meta({ id: 'OllamaEmbedRequest' });

/** The body of POST /api/embeddings, the older form for one text. */
export const EmbeddingsRequest = z
  .strictObject({
    model: ModelName,
    prompt: z.string().nullish().describe('None: the model is loaded, or unloaded with `keep_alive` 0.'),
    keep_alive: KeepAlive,
    options: ModelOptions.nullish(),
    stream: strayStream,
  })
  .meta({ id: 'OllamaEmbeddingsRequest' });

const inputsOf = (input: string | readonly string[] | null | undefined): string[] => {
  if (input == null || input === '') return [];
  return typeof input === 'string' ? [input] : [...input];
};

interface EmbedBody {
  readonly model: string;
  readonly dimensions?: number | null | undefined;
  readonly truncate?: boolean | null | undefined;
  readonly keep_alive?: string | number | null | undefined;
  readonly options?: z.output<typeof ModelOptions> | null | undefined;
}

const read = (body: EmbedBody, inputs: string[]): EmbedCall | LifeCall => {
  const use = readUse(body, EMBED_PARAMS);
  if (inputs.length === 0) return { kind: 'life', stream: false, ...use };
  if (inputs.length > MAX_INPUTS) {
    throw invalid('input', `${inputs.length} inputs are more than the limit of ${MAX_INPUTS}; send several requests`);
  }
  return {
    kind: 'run',
    ...use,
    request: {
      task: 'embed',
      model: body.model,
      inputs,
      ...(body.dimensions != null && { dimensions: body.dimensions }),
    },
    warnings: [
      ...readOptions(body.options).warnings,
      ...(body.truncate
        ? [
            "'truncate' changed nothing: the model's entry in models.list decides what becomes of a text that does not fit",
          ]
        : []),
    ],
  };
};

/** Reads a body. Throws `invalid_request`, `unknown_parameter` or `unsupported`, with the parameter in `details.path`. */
export const readEmbedRequest = (json: unknown): EmbedCall | LifeCall => {
  const body = parseBody(EmbedRequest, json);
  return read(body, inputsOf(body.input));
};

/** The same for the older form. */
export const readEmbeddingsRequest = (json: unknown): EmbedCall | LifeCall => {
  const body = parseBody(EmbeddingsRequest, json);
  return read(body, inputsOf(body.prompt));
};
