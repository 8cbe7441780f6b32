import { GolekError, type GenerateRequest } from '@golek/api';
import { z } from 'zod';
import {
  Choices,
  Grammar,
  MaxTokens,
  ModelName,
  readSampling,
  readStop,
  samplingFields,
  Stop,
  TopLogprobs,
  User,
} from './common-fields.ts';
import { invalid, parseBody } from './parse-body.ts';
import { limited } from './refusals.ts';
import { readOutput, ResponseFormat } from './response-format.ts';
import { readIncludeUsage, Stream, StreamOptions } from './stream-options.ts';
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
    best_of: z.int().min(1).nullish().describe("Accepted when it equals 'n'."),
    stop: Stop,
    max_tokens: MaxTokens.describe(`Default ${DEFAULT_MAX_TOKENS}.`),
    logprobs: TopLogprobs,
    echo: z.boolean().nullish(),
    suffix: limited(z.literal('').nullish(), 'text cannot be filled in before a suffix yet; leave it out'),
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
  readonly params: WireParams;
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
  if (body.best_of != null && body.best_of !== choices) {
    throw unsupported(
      'best_of',
      `'best_of' ${body.best_of} is not supported: it must equal 'n' (${choices}); every answer is returned`,
    );
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
  const shared = {
    task: 'generate' as const,
    model: body.model,
    maxTokens: body.max_tokens ?? DEFAULT_MAX_TOKENS,
    ...(body.user != null && { user: body.user }),
    ...(sampling && { sampling }),
    ...(output && { output }),
    ...(stop && { stop }),
    ...(choices > 1 && { choices }),
    ...(body.logprobs != null && { logprobs: { top: body.logprobs } }),
  };
  const echo = body.echo ? { echo: true } : {};
  const requests = prompts.map((prompt): GenerateRequest => ({
    ...shared,
    input: { type: 'text', prompt, ...echo },
  }));
  return {
    requests,
    stream: body.stream ?? false,
    choices: choices * requests.length,
    includeUsage: readIncludeUsage(body),
    params: COMPLETION_PARAMS,
    ...(body.logprobs != null && { topLogprobs: body.logprobs }),
  };
};
