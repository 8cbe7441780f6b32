import { ClassifyRequest as CanonicalClassify } from '@golek/api';
import { z } from 'zod';
import { ModelName, User } from './common-fields.ts';
import { FileId, MediaUrl, readMediaFile, readMediaUrl } from './media-url.ts';
import { invalid, parseBody } from '../request-body/parse-body.ts';
import { limited, refused } from '../request-body/refusals.ts';
import { CLASSIFY_PARAMS, type WireParams } from './wire-params.ts';

/** Most inputs of one request. */
const MAX_INPUTS = 2048;

const ClassifyInput = z.union(
  [
    z.string(),
    z.strictObject({ text: z.string() }),
    z.strictObject({ image: MediaUrl }),
    z.strictObject({ audio: MediaUrl }),
    z.strictObject({ file_id: FileId }),
  ],
  "expected a string or an object with 'text', 'image', 'audio' or 'file_id'",
);

/** The body of POST /v1/classify: what vLLM's and Jina's have in common. */
export const ClassifyBody = z
  .strictObject({
    model: ModelName,
    input: z
      .union(
        [ClassifyInput, z.array(ClassifyInput).min(1)],
        'expected a string, an object or a non-empty array of them',
      )
      .describe(
        'Texts, or pictures or recordings by http(s) address, data: URL or id of a file, as the model takes them.',
      ),
    top_k: CanonicalClassify.shape.top.nullable().describe('How many labels of each input. Default: all.'),
    labels: refused('the labels are those that the model was trained for; choose another model for others'),
    classifier_id: refused("name the classifier in 'model'"),
    truncate_prompt_tokens: refused("inputs are cut only where the model's files say so; leave it out"),
    add_special_tokens: limited(z.literal(true).nullish(), 'special tokens are always added; leave it out'),
    use_activation: limited(z.literal(true).nullish(), 'scores are always probabilities; leave it out'),
    priority: refused("use the header 'x-golek-priority'"),
    user: User,
  })
  .meta({ id: 'ClassifyRequest' });

export interface ClassifyCall {
  readonly request: CanonicalClassify;
  readonly params: WireParams;
}

const readInput = (input: z.output<typeof ClassifyInput>): CanonicalClassify['inputs'][number] => {
  if (typeof input === 'string') return input;
  if ('text' in input) return input.text;
  // What is in the file is known when it is looked up.
  if ('file_id' in input) return { type: 'image', source: readMediaFile(input.file_id) };
  return 'image' in input
    ? { type: 'image', source: readMediaUrl(input.image) }
    : { type: 'audio', source: readMediaUrl(input.audio) };
};

/** Reads a body. Throws `invalid_request`, `unknown_parameter` or `unsupported`, with the parameter in `details.path`. */
export const readClassifyRequest = (json: unknown): ClassifyCall => {
  const body = parseBody(ClassifyBody, json);
  const inputs = (Array.isArray(body.input) ? body.input : [body.input]).map(readInput);
  if (inputs.length > MAX_INPUTS)
    throw invalid('input', `${inputs.length} inputs are more than the limit of ${MAX_INPUTS}; send several requests`);
  return {
    request: {
      task: 'classify',
      model: body.model,
      inputs,
      ...(body.top_k != null && { top: body.top_k }),
      ...(body.user != null && { user: body.user }),
    },
    params: CLASSIFY_PARAMS,
  };
};
