import { GolekError, type GenerateRequest as CanonicalGenerate, type Message } from '@golek/api';
import { z } from 'zod';
import { invalid, parseBody } from '../request-body/parse-body.ts';
import { limited } from '../request-body/refusals.ts';
import {
  answerFields,
  contextWarnings,
  ModelName,
  readFormat,
  readLogprobs,
  readThink,
  readUse,
} from './common-fields.ts';
import { Images, readImages } from './images.ts';
import type { LifeCall, RunCall } from './model-call.ts';
import { readOptions } from './model-options.ts';
import { GENERATE_BODY_PARAMS } from './wire-params.ts';

const noPicture = limited(z.literal(0).nullish(), 'models make text here, not pictures; leave it out');

/** The body of POST /api/generate. */
export const GenerateRequest = z
  .strictObject({
    model: ModelName,
    prompt: z.string().nullish().describe('None: the model is loaded, or unloaded with `keep_alive` 0.'),
    suffix: z.string().nullish().describe('What follows the answer: the model fills in between.'),
    system: z.string().nullish(),
    template: limited(
      z.literal('').nullish(),
      "the model's own template is used; send the whole text in 'prompt' with 'raw': true",
    ),
    context: limited(
      z.array(z.unknown()).max(0).nullish(),
      'answers have none; send the conversation as messages to POST /api/chat',
    ),
    images: Images,
    raw: z.boolean().nullish().describe('The prompt is continued as it is, without the chat template.'),
    ...answerFields,
    width: noPicture,
    height: noPicture,
    steps: noPicture,
  })
  .meta({ id: 'OllamaGenerateRequest' });
type GenerateBody = z.output<typeof GenerateRequest>;

const given = (text: string | null | undefined): text is string => text != null && text !== '';

const unsupported = (path: string, message: string): GolekError =>
  new GolekError('unsupported', message, { details: { path } });

/** A prompt that is continued without the chat template. Throws for what only a template has a place for. */
const readText = (body: GenerateBody): CanonicalGenerate['input'] => {
  const how = body.raw ? "'raw'" : "'suffix'";
  if (given(body.system)) throw invalid('system', `${how} has no place for 'system'; write it into 'prompt'`);
  if (body.images?.length) throw unsupported('images', `${how} has no place for 'images'; send them without it`);
  if (body.think) throw unsupported('think', `'think' is for prompts with the chat template; leave ${how} out`);
  return { type: 'text', prompt: body.prompt ?? '', ...(given(body.suffix) && { suffix: body.suffix }) };
};

const readTurn = (body: GenerateBody): CanonicalGenerate['input'] => {
  const messages: Message[] = [];
  if (given(body.system)) messages.push({ role: 'system', content: [{ type: 'text', text: body.system }] });
  messages.push({
    role: 'user',
    content: [...readImages(body.images, 'images'), { type: 'text', text: body.prompt ?? '' }],
  });
  const reasoning = readThink(body.think);
  return { type: 'chat', messages, ...(reasoning && { reasoning }) };
};

/** Reads a body. Throws `invalid_request`, `unknown_parameter` or `unsupported`, with the parameter in `details.path`. */
export const readGenerateRequest = (json: unknown): RunCall | LifeCall => {
  const body = parseBody(GenerateRequest, json);
  const use = { ...readUse(body, GENERATE_BODY_PARAMS), stream: body.stream ?? true };
  if (!given(body.prompt)) return { kind: 'life', ...use };
  const { warnings, ...options } = readOptions(body.options);
  const output = readFormat(body.format);
  const logprobs = readLogprobs(body);
  return {
    kind: 'run',
    ...use,
    request: {
      task: 'generate',
      model: body.model,
      input: body.raw || given(body.suffix) ? readText(body) : readTurn(body),
      ...options,
      ...(output && { output }),
      ...(logprobs && { logprobs }),
    },
    warnings: [...warnings, ...contextWarnings(body)],
  };
};
