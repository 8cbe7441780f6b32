import { GenerateRequest, GolekError } from '@golek/api';
import { z } from 'zod';
import {
  Choices,
  Grammar,
  Lora,
  ModelName,
  OldMaxTokens,
  readLimit,
  readSampling,
  readStop,
  samplingFields,
  Stop,
  TopLogprobs,
  User,
} from './common-fields.ts';
import { readLlamaCppOptions } from './llama-cpp-fields.ts';
import { invalid, parseBody } from '../request-body/parse-body.ts';
import { readOutput, ResponseFormat } from './response-format.ts';
import { readIncludeUsage, Stream, StreamOptions, streamWarnings } from './stream-options.ts';
import { COMPLETION_PARAMS, type WireParams } from './wire-params.ts';

/** Most prompts of one request; each becomes a run of its own. */
const MAX_PROMPTS = 128;

/** OpenAI's default where a completion names no limit. */
const DEFAULT_MAX_TOKENS = 16;

const Tokens = z.array(z.int().min(0)).min(1);

export const Prompt = z.union(
  [z.string(), z.array(z.string()).min(1), Tokens, z.array(Tokens).min(1)],
  'expected a string, an array of token ids, or an array of strings or token arrays',
);

/** The body of POST /v1/completions: every parameter of OpenAI's, and Golek's extensions. */
export const CompletionRequest = z
  .strictObject({
    model: ModelName,
    prompt: Prompt.nullable(),
    ...samplingFields,
    n: Choices,
    best_of: GenerateRequest.shape.bestOf.nullable(),
    stop: Stop,
    max_tokens: OldMaxTokens.describe(`Default ${DEFAULT_MAX_TOKENS}; -1 is none.`),
    logprobs: TopLogprobs,
    echo: z.boolean().nullish(),
    suffix: z.string().nullish().describe('What follows the answer: the model fills in between. Empty: nothing.'),
    lora: Lora,
    response_format: ResponseFormat,
    grammar: Grammar.describe("Extension. A grammar in GBNF, llama.cpp's notation."),
    stream: Stream,
    stream_options: StreamOptions,
    user: User,
  })
  .meta({ id: 'CompletionRequest' });

/** What of a completion request is about its answer's form. */
export interface CompletionAnswerOptions {
  /** Answers of all prompts together. */
  readonly choices: number;
  readonly includeUsage: boolean;
  /** Most probable tokens to show beside each one; undefined: no log-probabilities. */
  readonly topLogprobs?: number;
}

export interface CompletionCall extends CompletionAnswerOptions {
  /** One request for each prompt, in order; the choices of prompt i start at i × choices / prompts. */
  readonly requests: readonly GenerateRequest[];
  readonly stream: boolean;
  /** OpenAI's limit on each answer where the request names none; undefined where it names one, or wants none. */
  readonly defaultMaxTokens?: number;
  readonly params: WireParams;
  /** What of the request changes nothing. */
  readonly warnings: readonly string[];
}

const isTokens = (prompt: readonly unknown[]): prompt is number[] => typeof prompt[0] === 'number';

const promptsOf = (prompt: z.output<typeof Prompt> | null): (string | number[])[] => {
  if (prompt === null) return [''];
  return typeof prompt === 'string' || isTokens(prompt) ? [prompt] : prompt;
};

const unsupported = (path: string, message: string): GolekError =>
  new GolekError('unsupported', message, { details: { path } });

/** Reads a body. Throws `invalid_request`, `unknown_parameter` or `unsupported`, with the parameter in `details.path`. */
export const readCompletionRequest = (json: unknown): CompletionCall => {
  const body = parseBody(CompletionRequest, json);
  const choices = body.n ?? 1;
  const bestOf = body.best_of ?? choices;
  if (bestOf < choices) {
    throw invalid('best_of', `'best_of' is ${bestOf} and 'n' is ${choices}; it must be at least 'n'`);
  }
  if (bestOf > choices && body.stream) {
    throw invalid('best_of', "'best_of' cannot be streamed: which answers are the best is known at the end");
  }
  if (body.echo && body.logprobs != null) {
    throw unsupported(
      'logprobs',
      "'logprobs' together with 'echo' is not supported: prompt tokens have none; send one of them",
    );
  }
  const prompts = promptsOf(body.prompt);
  if (prompts.length > MAX_PROMPTS) {
    throw invalid(
      'prompt',
      `${prompts.length} prompts are more than the limit of ${MAX_PROMPTS}; send several requests`,
    );
  }
  const sampling = readSampling(body);
  const output = readOutput(body.response_format, body.grammar);
  const stop = readStop(body.stop);
  const limit = readLimit({ max_tokens: body.max_tokens, n_predict: body.n_predict });
  const shared = {
    task: 'generate' as const,
    model: body.model,
    ...(limit.maxTokens !== undefined && { maxTokens: limit.maxTokens }),
    ...(body.user != null && { user: body.user }),
    ...(sampling && { sampling }),
    ...(output && { output }),
    ...(stop && { stop }),
    ...readLlamaCppOptions(body),
    ...(bestOf > choices && { bestOf }),
    ...(body.lora?.length && { adapters: body.lora }),
    ...(choices > 1 && { choices }),
    ...(body.logprobs != null && { logprobs: { top: body.logprobs } }),
  };
  const echo = body.echo ? { echo: true } : {};
  const suffix = body.suffix ? { suffix: body.suffix } : {};
  const requests = prompts.map((prompt): GenerateRequest => ({
    ...shared,
    input: { type: 'text', prompt, ...suffix, ...echo },
  }));
  return {
    requests,
    stream: body.stream ?? false,
    ...(!limit.said && { defaultMaxTokens: DEFAULT_MAX_TOKENS }),
    choices: choices * requests.length,
    includeUsage: readIncludeUsage(body),
    params: COMPLETION_PARAMS,
    warnings: streamWarnings(body.stream_options),
    ...(body.logprobs != null && { topLogprobs: body.logprobs }),
  };
};
