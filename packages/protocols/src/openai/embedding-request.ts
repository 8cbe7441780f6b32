import { EmbedRequest } from '@golek/api';
import { z } from 'zod';
import { ModelName, User } from './common-fields.ts';
import { invalid, parseBody } from '../request-body/parse-body.ts';
import { EMBEDDING_PARAMS, type WireParams } from './wire-params.ts';

/** OpenAI's bound on the inputs of one request. */
const MAX_INPUTS = 2048;

const Text = z.string().min(1);
const Tokens = z.array(z.int().min(0)).min(1);

/** The body of POST /v1/embeddings. */
export const EmbeddingRequest = z
  .strictObject({
    model: ModelName,
    input: z.union(
      [Text, z.array(Text).min(1), Tokens, z.array(Tokens).min(1)],
      'expected a non-empty string, an array of token ids, or an array of strings or token arrays',
    ),
    encoding_format: z.enum(['float', 'base64']).nullish().describe("Default 'float'."),
    dimensions: EmbedRequest.shape.dimensions.nullable(),
    user: User,
  })
  .meta({ id: 'EmbeddingRequest' });

export interface EmbeddingCall {
  readonly request: EmbedRequest;
  readonly encoding: 'float' | 'base64';
  readonly params: WireParams;
}

const inputsOf = (input: z.output<typeof EmbeddingRequest>['input']): (string | number[])[] => {
  if (typeof input === 'string') return [input];
  return typeof input[0] === 'number' ? [input as number[]] : (input as (string | number[])[]);
};

/** Reads a body. Throws `invalid_request` or `unknown_parameter`, with the parameter in `details.path`. */
export const readEmbeddingRequest = (json: unknown): EmbeddingCall => {
  const body = parseBody(EmbeddingRequest, json);
  const inputs = inputsOf(body.input);
  if (inputs.length > MAX_INPUTS) {
    throw invalid('input', `${inputs.length} inputs are more than the limit of ${MAX_INPUTS}; send several requests`);
  }
  return {
    request: {
      task: 'embed',
      model: body.model,
      inputs,
      ...(body.dimensions != null && { dimensions: body.dimensions }),
      ...(body.user != null && { user: body.user }),
    },
    encoding: body.encoding_format ?? 'float',
    params: EMBEDDING_PARAMS,
  };
};
