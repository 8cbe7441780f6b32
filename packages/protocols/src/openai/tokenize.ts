import {
  DetokenizeRequest,
  type InferenceEvent,
  type InferenceResult,
  type TokenizeRequest as CanonicalTokenize,
} from '@golek/api';
import { z } from 'zod';
import { ModelName } from './common-fields.ts';
import { invalid, parseBody } from '../request-body/parse-body.ts';
import { limited } from '../request-body/refusals.ts';

const model = ModelName.nullish().describe('May be left out where one model is registered.');

/** The body of POST /tokenize, in llama-server's form. */
export const TokenizeRequest = z
  .strictObject({
    model,
    content: z.string(),
    add_special: z.boolean().nullish().describe('Add the beginning-of-sequence token. Default false.'),
    parse_special: z.boolean().nullish().describe('Read the text of special tokens as these tokens. Default true.'),
    with_pieces: limited(z.literal(false).nullish(), 'the text of single tokens is not given; leave it out'),
  })
  .meta({ id: 'TokenizeRequest' });

/** The body of POST /detokenize, in llama-server's form. */
export const DetokenizeBody = z
  .strictObject({ model, tokens: DetokenizeRequest.shape.tokens })
  .meta({ id: 'DetokenizeRequest' });

export const TokenizeResponse = z.strictObject({ tokens: z.array(z.int()) }).meta({ id: 'TokenizeResponse' });
export const DetokenizeResponse = z.strictObject({ content: z.string() }).meta({ id: 'DetokenizeResponse' });

/** `known`: the names of the registered models, of which the only one is the default. */
const modelOf = (name: string | null | undefined, known: readonly string[]): string => {
  const [only, second] = known;
  if (name != null) return name;
  if (only !== undefined && second === undefined) return only;
  throw invalid('model', `'model' is missing: ${known.length} models are registered; name one of them`);
};

/** Reads a body. Throws `invalid_request`, `unknown_parameter` or `unsupported`, with the parameter in `details.path`. */
export const readTokenizeRequest = (json: unknown, known: readonly string[]): CanonicalTokenize => {
  const body = parseBody(TokenizeRequest, json);
  return {
    task: 'tokenize',
    model: modelOf(body.model, known),
    text: body.content,
    addSpecial: body.add_special ?? false,
    parseSpecial: body.parse_special ?? true,
  };
};

/** Reads a body. Throws `invalid_request` or `unknown_parameter`, with the parameter in `details.path`. */
export const readDetokenizeRequest = (json: unknown, known: readonly string[]): DetokenizeRequest => {
  const body = parseBody(DetokenizeBody, json);
  return { task: 'detokenize', model: modelOf(body.model, known), tokens: body.tokens };
};

export const tokenizeResponse = ({ tokens }: InferenceResult): z.infer<typeof TokenizeResponse> => ({ tokens });

/** Joins the text of a detokenize run, which has no finish reason. Throws what the run throws. */
export const detokenizeResponse = async (
  events: AsyncIterable<InferenceEvent>,
): Promise<z.infer<typeof DetokenizeResponse>> => {
  let content = '';
  for await (const event of events) if (event.type === 'text') content += event.text;
  return { content };
};
