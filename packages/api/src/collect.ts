import type { ToolCall } from './content.ts';
import type { FinishReason, InferenceEvent, TokenLogprob } from './event.ts';
import { GolekError } from './golek-error.ts';
import type { NamedTensor } from './tensor.ts';
import type { Usage } from './usage.ts';

/** One complete answer of a generate request. */
export interface GeneratedChoice {
  text: string;
  reasoning: string;
  toolCalls: ToolCall[];
  logprobs: TokenLogprob[];
  finish: FinishReason;
  stop?: string;
}

/** The unary form of an answer: every event of the stream, put together. */
export interface InferenceResult {
  model: string;
  provider: string;
  choices: GeneratedChoice[];
  embeddings: Float32Array[];
  scores: { index: number; score: number }[];
  labels: Omit<Extract<InferenceEvent, { type: 'label' }>, 'type'>[];
  tensors: NamedTensor[];
  tokens: number[];
  /** Tokens of a prompt that was counted only. */
  count?: number;
  warnings: string[];
  usage?: Usage;
}

type Building = Omit<GeneratedChoice, 'finish'> & { finish?: FinishReason };

/**
 * Reads a whole stream of events into one result. Throws what the stream throws, and `provider_failed` for a stream that
 * ends before its choices have finished: a cut stream is never a success.
 */
export const collect = async (events: AsyncIterable<InferenceEvent>): Promise<InferenceResult> => {
  const choices: Building[] = [];
  const result: InferenceResult = {
    model: '',
    provider: '',
    choices: [],
    embeddings: [],
    scores: [],
    labels: [],
    tensors: [],
    tokens: [],
    warnings: [],
  };
  const at = (index: number): Building => {
    while (choices.length <= index) choices.push({ text: '', reasoning: '', toolCalls: [], logprobs: [] });
    return choices[index] as Building;
  };
  for await (const event of events) {
    switch (event.type) {
      case 'start':
        result.model = event.model;
        result.provider = event.provider;
        break;
      case 'text': {
        const choice = at(event.choice);
        choice.text += event.text;
        for (const one of event.logprobs ?? []) choice.logprobs.push(one);
        break;
      }
      case 'reasoning':
        at(event.choice).reasoning += event.text;
        break;
      case 'tool-call': {
        const calls = at(event.choice).toolCalls;
        const call = (calls[event.index] ??= { id: '', name: '', arguments: '' });
        if (event.id !== undefined) call.id = event.id;
        if (event.name !== undefined) call.name = event.name;
        call.arguments += event.arguments;
        break;
      }
      case 'finish': {
        const choice = at(event.choice);
        choice.finish = event.reason;
        if (event.stop !== undefined) choice.stop = event.stop;
        break;
      }
      case 'embedding':
        result.embeddings[event.index] = event.vector;
        break;
      case 'score':
        result.scores.push({ index: event.index, score: event.score });
        break;
      case 'label':
        result.labels.push({
          index: event.index,
          label: event.label,
          score: event.score,
          ...(event.start !== undefined && { start: event.start }),
          ...(event.end !== undefined && { end: event.end }),
        });
        break;
      case 'tensor':
        result.tensors.push(event.tensor);
        break;
      case 'tokens':
        for (const token of event.tokens) result.tokens.push(token);
        break;
      case 'count':
        result.count = event.tokens;
        break;
      case 'warning':
        result.warnings.push(event.message);
        break;
      case 'usage':
        result.usage = event.usage;
        break;
      case 'error':
        throw GolekError.fromData(event.error);
    }
  }
  result.choices = choices.map((choice, index) => {
    if (choice.finish === undefined) {
      throw new GolekError('provider_failed', `the stream ended before choice ${index} had a finish reason`);
    }
    return { ...choice, finish: choice.finish };
  });
  return result;
};
