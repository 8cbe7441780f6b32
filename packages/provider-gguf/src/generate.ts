import { randomBytes } from 'node:crypto';
import { GolekError, type GenerateRequest, type InferenceEvent, type RunContext } from '@golek/providers-spi';
import { answerGrammar, callableTools } from './answer-grammar.ts';
import { Answer } from './answer.ts';
import type { TokenSampler } from './binding.ts';
import type { ChatTemplate } from './chat-template.ts';
import type { DecodeLoop } from './decode-loop.ts';
import type { EngineModel } from './engine.ts';
import { EventWindow } from './event-window.ts';
import type { SamplingFacts } from './gguf-manifest.ts';
import { giveSpans, stagesOf, timingsOf, type RunFacts } from './run-times.ts';
import { choiceSeeds, samplerSettings } from './sampling-config.ts';
import type { TokenBytes } from './token-bytes.ts';
import type { ToolCallFormat } from './tool-calls.ts';

/** Events that a run may be ahead of its consumer. */
const WINDOW = 64;

/** An open model as generation uses it. */
export interface Generator {
  /** Registered name. */
  readonly name: string;
  readonly model: EngineModel;
  readonly loop: DecodeLoop;
  readonly contextSize: number;
  readonly bytes: TokenBytes;
  /** Absent when the model has none that can be read. */
  readonly template: ChatTemplate | undefined;
  readonly toolCalls: ToolCallFormat | undefined;
  readonly sampling: SamplingFacts;
}

/** Answers a generate request: deltas of every choice as they come, their finishes, the usage. */
export const generate = async function* (
  generator: Generator,
  request: GenerateRequest,
  context: RunContext,
): AsyncGenerator<InferenceEvent, void> {
  const { signal } = context;
  const { name, model, loop, contextSize, bytes } = generator;
  refuseEchoOfLogprobs(request);
  const grammar = answerGrammar(request, generator.toolCalls);
  const prompt = Uint32Array.from(promptTokens(generator, request));
  checkLength(name, prompt.length, contextSize);
  checkTokens(generator, Object.keys(request.sampling?.logitBias ?? {}).map(Number), 'sampling.logitBias');
  const tools = callableTools(request.input);
  const window = new EventWindow(WINDOW, () => loop.wake());
  const seeds = choiceSeeds(request.sampling?.seed, request.choices ?? 1);
  const samplers = createSamplers(generator, request, seeds, grammar);
  let unfinished = seeds.length;
  const answers = samplers.map(
    (sampler, choice) =>
      new Answer({
        choice,
        prompt,
        sampler,
        limit: Math.min(request.maxTokens ?? Number.POSITIVE_INFINITY, contextSize - prompt.length),
        stops: request.stop ?? [],
        constrained: grammar !== undefined,
        toolCalls: tools.length > 0 ? generator.toolCalls?.parser() : undefined,
        logprobs: request.logprobs?.top,
        bytes,
        isEndOfGeneration: (token) => model.vocabulary.isEndOfGeneration(token),
        newToolCallId: () => `call_${randomBytes(12).toString('hex')}`,
        isFull: () => window.full,
        onEvent: (event) => {
          window.push(event);
          if (event.type === 'finish' && --unfinished === 0) window.end();
        },
        onError: (error) => window.fail(error),
        onRelease: () => model.samplers.dispose(sampler),
      }),
  );
  echo(generator, request, seeds.length, window);
  const submittedAt = performance.now();
  const cancel = submit(generator, answers);
  const abort = (): void => window.abort(GolekError.from(signal.reason, 'cancelled'));
  signal.addEventListener('abort', abort, { once: true });
  const stages = (): ReturnType<typeof stagesOf> =>
    stagesOf(
      submittedAt,
      answers.map(({ times }) => times),
    );
  const counts = (): Pick<RunFacts, 'promptTokens' | 'completionTokens' | 'cachedPromptTokens'> => ({
    promptTokens: prompt.length,
    completionTokens: answers.reduce((sum, answer) => sum + answer.tokens, 0),
    cachedPromptTokens: answers[0]?.reused ?? 0,
  });
  let error: GolekError | undefined = new GolekError('cancelled', 'the consumer stopped reading');
  try {
    yield* window;
    error = undefined;
  } catch (thrown) {
    error = GolekError.from(thrown);
    throw thrown;
  } finally {
    signal.removeEventListener('abort', abort);
    cancel();
    if (context.onSpan) giveSpans(context, stages(), { ...counts(), error });
  }
  yield { type: 'usage', usage: { ...counts(), timings: timingsOf(stages()) } };
};

const promptTokens = (generator: Generator, { input }: GenerateRequest): number[] => {
  const { name, model, template } = generator;
  let tokens: number[];
  if (input.type === 'chat') {
    if (!template)
      throw new GolekError('unsupported', `model '${name}' has no chat template`, {
        details: { option: 'input.chat' },
      });
    tokens = model.tokenize(template.render(name, input, callableTools(input)), true);
  } else if (typeof input.prompt === 'string') tokens = model.tokenize(input.prompt, true);
  else {
    checkTokens(generator, input.prompt, 'input.prompt');
    tokens = input.prompt;
  }
  if (model.beginning !== undefined && tokens[0] !== model.beginning) tokens = [model.beginning, ...tokens];
  if (tokens.length === 0)
    throw new GolekError('invalid_request', 'the prompt is empty, and this model cannot start from nothing', {
      details: { field: 'input' },
    });
  return tokens;
};

const checkLength = (name: string, length: number, contextSize: number): void => {
  if (length < contextSize) return;
  throw new GolekError(
    'context_length_exceeded',
    `the prompt has ${length} tokens; model '${name}' is loaded with a context of ${contextSize}, which must also hold the answer`,
    { details: { promptTokens: length, contextLength: contextSize } },
  );
};

const checkTokens = ({ name, model }: Generator, tokens: readonly number[], field: string): void => {
  const { size } = model.vocabulary;
  const wrong = tokens.find((token) => token >= size);
  if (wrong === undefined) return;
  throw new GolekError(
    'invalid_request',
    `'${field}' has the token ${wrong}; the tokens of model '${name}' are 0 to ${size - 1}`,
    { details: { field } },
  );
};

const createSamplers = (
  { model, sampling, contextSize }: Generator,
  request: GenerateRequest,
  seeds: readonly number[],
  grammar: string | undefined,
): TokenSampler[] => {
  const samplers: TokenSampler[] = [];
  try {
    for (const seed of seeds) {
      samplers.push(
        model.samplers.create(samplerSettings(request.sampling ?? {}, sampling, seed), grammar, contextSize),
      );
    }
  } catch (error) {
    for (const sampler of samplers) model.samplers.dispose(sampler);
    throw error;
  }
  return samplers;
};

const submit = ({ loop }: Generator, answers: readonly Answer[]): (() => void) => {
  try {
    return loop.submit(answers);
  } catch (error) {
    for (const answer of answers) answer.onRelease();
    throw error;
  }
};

const refuseEchoOfLogprobs = ({ input, logprobs }: GenerateRequest): void => {
  if (input.type === 'text' && input.echo && logprobs) {
    throw new GolekError('unsupported', "'echo' cannot be combined with 'logprobs': there are none of the prompt", {
      details: { option: 'echo' },
    });
  }
};

const echo = ({ model }: Generator, { input }: GenerateRequest, choices: number, window: EventWindow): void => {
  if (input.type !== 'text' || !input.echo) return;
  const text = typeof input.prompt === 'string' ? input.prompt : model.detokenize(input.prompt);
  for (let choice = 0; choice < choices; choice++) window.push({ type: 'text', choice, text });
};
