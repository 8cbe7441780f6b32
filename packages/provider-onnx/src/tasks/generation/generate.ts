import { randomInt } from 'node:crypto';
import {
  GolekError,
  RunSlots,
  type GenerateRequest,
  type InferenceEvent,
  type RequestOption,
  type RunContext,
  type SessionLoad,
} from '@golek/providers-spi';
import { numberField, type JsonObject } from '../../text/json-fields.ts';
import type { TextTokenizer } from '../../text/text-tokenizer.ts';
import type { TokenBytes } from '../../text/token-bytes.ts';
import { Answer } from './answer.ts';
import type { CachedGraph, Evaluated } from './cached-graph.ts';
import type { ChatPrompt } from './chat-prompt.ts';
import { choiceSeeds, Sampler, samplerSettings } from './sampler.ts';

export interface GeneratorSetup {
  /** Registered name, for messages. */
  readonly name: string;
  readonly graph: CachedGraph;
  readonly tokenizer: TextTokenizer;
  readonly bytes: TokenBytes;
  readonly template: ChatPrompt | undefined;
  /** Tokens of prompt and answer. */
  readonly contextLength: number;
  /** Tokens that end an answer. */
  readonly ends: readonly number[];
  /** generation_config.json. */
  readonly generation: JsonObject;
  /** Runs that may wait. */
  readonly queueLimit: number;
}

/** Runs that generate at once, each a token in its turn; each keeps its own cache. */
export const PARALLEL = 4;

/** Tokens of a prompt that are evaluated at once, while others wait: an abort comes through between them. */
const PROMPT_PIECE = 128;
/** Logits of a piece, all of which the graph gives: few tokens at once for large vocabularies. */
const MOST_LOGITS = 8 << 20;

const OPTIONS: readonly RequestOption[] = [
  'input.text',
  'input.tokens',
  'echo',
  'sampling.temperature',
  'sampling.topP',
  'sampling.topK',
  'sampling.minP',
  'sampling.seed',
  'sampling.frequencyPenalty',
  'sampling.presencePenalty',
  'sampling.repeatPenalty',
  'sampling.repeatLastTokens',
  'sampling.logitBias',
  'maxTokens',
  'stop',
  'stopTokens',
  'ignoreEos',
  'choices',
  'logprobs',
];

/** Generates text with a decoder that has its cache as inputs and outputs. */
export class TextGenerator implements AsyncDisposable {
  readonly #setup: GeneratorSetup;
  readonly #slots = new RunSlots(PARALLEL);
  readonly #closing = new AbortController();
  #running = 0;
  #waiting = 0;

  constructor(setup: GeneratorSetup) {
    this.#setup = setup;
  }

  get options(): readonly RequestOption[] {
    return this.#setup.template ? ['input.chat', ...OPTIONS] : OPTIONS;
  }

  get load(): SessionLoad {
    return { running: this.#running, waiting: this.#waiting };
  }

  /** Deltas of every choice, a token of each in turn; their finishes; the usage. */
  async *run(request: GenerateRequest, context: RunContext): AsyncGenerator<InferenceEvent, void> {
    const signal = AbortSignal.any([context.signal, this.#closing.signal]);
    const prompt = this.#prompt(request);
    const submittedAt = performance.now();
    await this.#enter(signal);
    try {
      yield* this.#answers(request, prompt, submittedAt, signal);
    } finally {
      this.#running--;
      this.#slots.give();
    }
  }

  async *#answers(
    request: GenerateRequest,
    prompt: readonly number[],
    submittedAt: number,
    signal: AbortSignal,
  ): AsyncGenerator<InferenceEvent, void> {
    const { graph, tokenizer } = this.#setup;
    const { input, choices = 1 } = request;
    const startedAt = performance.now();
    if (input.type === 'text' && input.echo) {
      const text = typeof input.prompt === 'string' ? input.prompt : tokenizer.decode(input.prompt);
      for (let choice = 0; choice < choices; choice++) yield { type: 'text', choice, text };
    }
    const at = await this.#evaluated(prompt, signal);
    const firstTokenAt = performance.now();
    const answers = this.#begin(request, prompt.length, at);
    for (let unfinished = answers; unfinished.length > 0;) {
      const going: Answer[] = [];
      for (const answer of unfinished) {
        const { events, token } = answer.next();
        yield* events;
        if (token === undefined) continue;
        answer.at = await graph.predict(answer.at.evaluated, [token], signal);
        going.push(answer);
      }
      unfinished = going;
    }
    const completionTokens = answers.reduce((sum, { tokens }) => sum + tokens, 0);
    const timings = {
      queueMs: startedAt - submittedAt,
      prefillMs: firstTokenAt - startedAt,
      decodeMs: performance.now() - firstTokenAt,
    };
    yield { type: 'usage', usage: { promptTokens: prompt.length, completionTokens, timings } };
  }

  #begin(request: GenerateRequest, promptTokens: number, at: Answer['at']): readonly Answer[] {
    const { bytes, contextLength, ends, generation } = this.#setup;
    const { sampling = {}, choices = 1, maxTokens = Infinity, stop = [], stopTokens = [], ignoreEos } = request;
    const never = ignoreEos ? ends : [];
    return choiceSeeds(sampling.seed ?? randomInt(0xffffffff), choices).map(
      (seed, choice) =>
        new Answer(
          {
            choice,
            sampler: new Sampler(samplerSettings(sampling, recommended(generation), seed, never)),
            bytes,
            limit: Math.min(maxTokens, contextLength - promptTokens),
            stops: stop,
            ends: new Set([...ends, ...stopTokens]),
            logprobs: request.logprobs?.top,
          },
          at,
        ),
    );
  }

  async #evaluated(prompt: readonly number[], signal: AbortSignal): Promise<Answer['at']> {
    const { graph, tokenizer } = this.#setup;
    let evaluated: Evaluated = graph.empty();
    const piece = Math.max(16, Math.min(PROMPT_PIECE, Math.floor(MOST_LOGITS / tokenizer.size)));
    let rest = prompt;
    for (; rest.length > piece; rest = rest.slice(piece))
      evaluated = await graph.evaluate(evaluated, rest.slice(0, piece), signal);
    return graph.predict(evaluated, rest, signal);
  }

  async #enter(signal: AbortSignal): Promise<void> {
    const { name, queueLimit } = this.#setup;
    if (signal.aborted) throw GolekError.from(signal.reason, 'cancelled');
    if (!this.#slots.tryTake()) {
      if (this.#waiting >= queueLimit)
        throw new GolekError('overloaded', `${this.#waiting} runs wait for model '${name}', the most that may`, {
          details: { waiting: this.#waiting, queueLimit },
        });
      this.#waiting++;
      try {
        await this.#slots.take(signal);
      } finally {
        this.#waiting--;
      }
    }
    this.#running++;
  }

  #prompt({ input, logprobs, stopTokens = [], sampling }: GenerateRequest): readonly number[] {
    const { name, contextLength } = this.#setup;
    this.#checkTokens(stopTokens, 'stopTokens');
    this.#checkTokens(Object.keys(sampling?.logitBias ?? {}).map(Number), 'sampling.logitBias');
    if (input.type === 'text' && input.echo && logprobs)
      throw new GolekError('unsupported', "'echo' cannot be combined with 'logprobs': there are none of the prompt", {
        details: { option: 'echo' },
      });
    const tokens = this.#promptTokens(input);
    if (tokens.length === 0)
      throw new GolekError('invalid_request', 'the prompt is empty, and this model cannot start from nothing', {
        details: { field: 'input' },
      });
    if (tokens.length >= contextLength)
      throw new GolekError(
        'context_length_exceeded',
        `the prompt has ${tokens.length} tokens; model '${name}' takes ${contextLength}, which must also hold the answer`,
        { details: { promptTokens: tokens.length, contextLength } },
      );
    this.#checkTokens(tokens, 'input.prompt');
    return tokens;
  }

  #promptTokens(input: GenerateRequest['input']): readonly number[] {
    const { name, tokenizer, template } = this.#setup;
    if (input.type === 'chat') {
      // Templates write what goes before the conversation themselves.
      if (template) return tokenizer.tokens(template.render(input));
      throw new GolekError('unsupported', `model '${name}' has no chat template`, {
        details: { option: 'input.chat' },
      });
    }
    const tokens = typeof input.prompt === 'string' ? tokenizer.tokens(input.prompt) : input.prompt;
    const { frameStart } = tokenizer;
    return frameStart === undefined || tokens[0] === frameStart ? tokens : [frameStart, ...tokens];
  }

  #checkTokens(tokens: readonly number[], field: string): void {
    const { name, tokenizer } = this.#setup;
    const wrong = tokens.find((token) => token >= tokenizer.size);
    if (wrong === undefined) return;
    throw new GolekError(
      'invalid_request',
      `'${field}' has the token ${wrong}; the tokens of model '${name}' are 0 to ${tokenizer.size - 1}`,
      { details: { field } },
    );
  }

  /** Ends runs with `shutting_down`, each at its next step. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new GolekError('shutting_down', `model '${this.#setup.name}' is being unloaded`));
    return Promise.resolve();
  }
}

/** What generation_config.json recommends; where it says that nothing is drawn by chance, the most probable token. */
const recommended = (generation: JsonObject): Parameters<typeof samplerSettings>[1] => {
  const within = (key: string, low: number, high: number): number | undefined => {
    const value = numberField(generation, key);
    return value !== undefined && value >= low && value <= high ? value : undefined;
  };
  const temperature = generation['do_sample'] === false ? 0 : within('temperature', 0, 100);
  const [topP, topK, minP] = [within('top_p', 0, 1), within('top_k', 0, 1e6), within('min_p', 0, 1)];
  const repeat = within('repetition_penalty', 0.01, 10);
  return {
    ...(temperature !== undefined && { temperature }),
    ...(topP !== undefined && { topP }),
    ...(topK !== undefined && { topK }),
    ...(minP !== undefined && { minP }),
    ...(repeat !== undefined && { repeat }),
  };
};
