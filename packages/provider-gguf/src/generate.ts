import { randomBytes } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { GolekError, type GenerateRequest, type InferenceEvent, type RunContext } from '@golek/providers-spi';
import type { GrammarGuard } from './grammar-guard.ts';
import { answerGrammar, callableTools } from './answer-grammar.ts';
import type { Adapters } from './adapters.ts';
import { Answer } from './answer.ts';
import type { TokenSampler } from './binding.ts';
import { BestOf } from './best-of.ts';
import { EventWindow } from './event-window.ts';
import { checkTokens, promptOf, type Prompter } from './generate-prompt.ts';
import type { SamplingFacts } from './gguf-manifest.ts';
import { ReasoningSplitter } from './reasoning-splitter.ts';
import { giveSpans, stagesOf, timingsOf, type RunFacts } from './run-times.ts';
import { choiceSeeds, samplerSettings } from './sampling-config.ts';
import type { Scheduler } from './scheduler/scheduler.ts';
import type { SpecialTokens } from './special-tokens.ts';
import type { TokenBytes } from './token-bytes.ts';
import type { ToolCallFormat } from './tool-calls.ts';

/** Events that a run may be ahead of its consumer. */
const WINDOW = 64;

/** An open model as generation uses it. */
export interface Generator extends Prompter {
  readonly scheduler: Scheduler;
  readonly bytes: TokenBytes;
  readonly special: SpecialTokens;
  readonly toolCalls: ToolCallFormat | undefined;
  readonly sampling: SamplingFacts;
  readonly adapters: Adapters;
  readonly grammars: GrammarGuard;
  /** A full context is shifted. */
  readonly shifts: boolean;
}

type Counts = Pick<RunFacts, 'promptTokens' | 'completionTokens' | 'cachedPromptTokens'> & { reasoningTokens?: number };

/** Answers a generate request: deltas of every choice as they come, their finishes, the usage. */
export const generate = async function* (
  generator: Generator,
  request: GenerateRequest,
  context: RunContext,
): AsyncGenerator<InferenceEvent, void> {
  const { signal } = context;
  const { model, scheduler, contextSize, bytes, special } = generator;
  refuseEchoOfLogprobs(request);
  const group = generator.adapters.groupOf(request);
  const { tokens: prompt, reasoning } = promptOf(generator, request);
  const grammar = answerGrammar(request, generator.toolCalls, reasoning);
  checkEnds(request, grammar);
  checkTokens(generator, Object.keys(request.sampling?.logitBias ?? {}).map(Number), 'sampling.logitBias');
  checkTokens(generator, request.stopTokens ?? [], 'stopTokens');
  const tools = callableTools(request.input);
  const toolCalls = tools.length > 0 ? generator.toolCalls : undefined;
  const { format } = reasoning ?? {};
  const markers = special.markers([...(format ? [format.open, format.close] : []), ...(toolCalls?.markers ?? [])]);
  const stopTokens = new Set(request.stopTokens);
  const window = new EventWindow(WINDOW, () => scheduler.wake());
  const { choices, candidates } = candidatesOf(request);
  const best = candidates > choices ? new BestOf(candidates, choices) : undefined;
  const seeds = choiceSeeds(request.sampling?.seed, candidates);
  const samplers = await createSamplers(generator, request, seeds, grammar, context);
  let unfinished = candidates;
  const answers = samplers.map(
    (sampler, choice) =>
      new Answer({
        choice,
        prompt,
        sampler,
        group,
        limit: answerLimit(generator, request, prompt.length),
        stops: request.stop ?? [],
        constrained: grammar !== undefined,
        reasoning: reasoning && new ReasoningSplitter(reasoning.format, reasoning.start === 'opened'),
        toolCalls: toolCalls?.parser(tools),
        logprobs: request.logprobs?.top,
        rated: best !== undefined,
        bytes,
        markers,
        isEnd: (token) => model.vocabulary.isEndOfGeneration(token) || stopTokens.has(token),
        newToolCallId: () => `call_${randomBytes(12).toString('hex')}`,
        // What is kept for the comparison is bounded by the context.
        isFull: () => best === undefined && window.full,
        onEvent: (event) => {
          if (best) best.keep(event);
          else window.push(event);
          if (event.type !== 'finish' || --unfinished > 0) return;
          for (const kept of best?.best(answers.map(({ meanLogprob }) => meanLogprob)) ?? []) window.push(kept);
          window.end();
        },
        onShift: (discarded) => window.push({ type: 'warning', message: shiftWarning(contextSize, discarded) }),
        onCutCall: () => window.push({ type: 'warning', message: CUT_CALL }),
        onError: (error) => window.fail(error),
        onRelease: () => model.samplers.dispose(sampler),
      }),
  );
  echo(generator, request, choices, window);
  const submittedAt = performance.now();
  const cancel = submit(generator, answers, context);
  const abort = (): void => window.abort(GolekError.from(signal.reason, 'cancelled'));
  signal.addEventListener('abort', abort, { once: true });
  const stages = (): ReturnType<typeof stagesOf> =>
    stagesOf(
      submittedAt,
      answers.map(({ times }) => times),
    );
  const counts = (): Counts => ({
    promptTokens: prompt.length,
    completionTokens: answers.reduce((sum, answer) => sum + answer.tokens, 0),
    cachedPromptTokens: answers[0]?.reused ?? 0,
    ...(reasoning && { reasoningTokens: answers.reduce((sum, answer) => sum + answer.reasoningTokens, 0) }),
  });
  let error: GolekError | undefined = new GolekError('cancelled', 'the consumer stopped reading');
  try {
    yield* window;
    error = undefined;
    if (grammar !== undefined) generator.grammars.hasWorked(grammar);
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

/** A shift lets an answer be longer than its context has room for, when that is asked for: a model that never ends would never end. */
const answerLimit = (
  { contextSize, shifts }: Generator,
  { maxTokens, bestOf }: GenerateRequest,
  prompt: number,
): number =>
  // What is kept for a comparison must have a bound.
  shifts && maxTokens !== undefined && bestOf === undefined
    ? maxTokens
    : Math.min(maxTokens ?? Number.POSITIVE_INFINITY, contextSize - prompt);

const CUT_CALL = 'the limit of tokens has cut a tool call before its name, which was left out; raise the limit';

const shiftWarning = (contextSize: number, discarded: number): string =>
  `the context of ${contextSize} tokens is full: ${discarded} of its older tokens were discarded, and the answer goes on without them`;

const candidatesOf = ({ choices = 1, bestOf = choices }: GenerateRequest): { choices: number; candidates: number } => {
  if (bestOf < choices)
    throw new GolekError('invalid_request', `'bestOf' is ${bestOf}, less than the ${choices} 'choices' wanted`, {
      details: { field: 'bestOf' },
    });
  return { choices, candidates: bestOf };
};

/** An answer that follows a grammar must be able to end where that ends. */
const checkEnds = ({ ignoreEos }: GenerateRequest, grammar: string | undefined): void => {
  if (!ignoreEos || grammar === undefined) return;
  throw new GolekError('unsupported', "'ignoreEos' cannot be combined with tools or a form of the output", {
    details: { option: 'ignoreEos' },
  });
};

const createSamplers = async (
  { model, sampling, contextSize, special, grammars }: Generator,
  request: GenerateRequest,
  seeds: readonly number[],
  grammar: string | undefined,
  { signal, tenant = '' }: RunContext,
): Promise<TokenSampler[]> => {
  if (grammar !== undefined) grammars.check(grammar, tenant);
  const onEndless = (ended: Promise<void>): void => grammars.tookTooLong(grammar ?? '', tenant, ended);
  const samplers: TokenSampler[] = [];
  const never = request.ignoreEos ? special.ends : [];
  try {
    for (const seed of seeds) {
      const settings = samplerSettings(request.sampling ?? {}, sampling, seed, never);
      // DRY compares its breakers with the whole vocabulary, some 40 ms for each one, and a grammar may take 70 ms: other requests have their turn between.
      if ((settings.dry || grammar !== undefined) && samplers.length > 0) await nextTurn();
      if (signal.aborted) throw GolekError.from(signal.reason, 'cancelled');
      samplers.push(model.samplers.create(settings, grammar, contextSize, onEndless));
    }
  } catch (error) {
    for (const sampler of samplers) model.samplers.dispose(sampler);
    throw error;
  }
  return samplers;
};

const submit = (
  { scheduler }: Generator,
  answers: readonly Answer[],
  { tenant = '', priority = 0, deadline = Infinity }: RunContext,
): (() => void) => {
  try {
    return scheduler.submit(answers, { tenant, priority, deadline });
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
