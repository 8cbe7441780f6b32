import { GolekError, type GenerateRequest } from '@golek/providers-spi';
import { callableTools, type ReasoningPrefix } from './answer-grammar.ts';
import { beginsAnswer, type ChatTemplate } from './chat-template.ts';
import type { EngineModel } from './engine.ts';
import { infillPrompt } from './infill.ts';
import { reasoningStart, type ReasoningFormat } from './reasoning-formats.ts';

/** What of an open model makes prompts. */
export interface Prompter {
  /** Registered name. */
  readonly name: string;
  readonly model: EngineModel;
  readonly contextSize: number;
  /** Absent when the model has none that can be read. */
  readonly template: ChatTemplate | undefined;
  /** Absent when the model is not known to think. */
  readonly reasoning: ReasoningFormat | undefined;
}

interface Prompt {
  readonly tokens: Uint32Array;
  /** How the answer to it begins, in chats of models that think. */
  readonly reasoning: ReasoningPrefix | undefined;
}

type Input = GenerateRequest['input'];

/** The tokens of a prompt and, of a chat, its text. */
interface Written {
  readonly tokens: readonly number[];
  readonly text?: string;
}

const write = (prompter: Prompter, input: Input): Written => {
  const { name, model, template } = prompter;
  if (input.type !== 'chat') {
    if (typeof input.prompt !== 'string') checkTokens(prompter, input.prompt, 'input.prompt');
    const { prompt, suffix } = input;
    // Between the marks stands somebody's text, in which the spelling of a special token is just text.
    const tokens = typeof prompt === 'string' ? model.tokenize(prompt, suffix === undefined) : prompt;
    const whole =
      suffix !== undefined && model.infill ? infillPrompt(model.infill, tokens, model.tokenize(suffix, false)) : tokens;
    return { tokens: started(prompter, whole) };
  }
  if (!template)
    throw new GolekError('unsupported', `model '${name}' has no chat template`, {
      details: { option: 'input.chat' },
    });
  const text = template.render(name, input, callableTools(input));
  return { tokens: started(prompter, model.tokenize(text, true)), text };
};

/** The tokens that a request is answered from. Throws `context_length_exceeded` where they leave no room for an answer. */
export const promptOf = (prompter: Prompter, { input }: GenerateRequest): Prompt => {
  const { reasoning: format } = prompter;
  const { tokens, text } = write(prompter, input);
  // Who goes on with an answer has thought already.
  const enabled = input.type !== 'chat' ? undefined : beginsAnswer(input.messages) ? false : input.reasoning?.enabled;
  return {
    tokens: fitting(prompter, tokens),
    reasoning: format && text !== undefined ? { format, start: reasoningStart(format, text, enabled) } : undefined,
  };
};

/** How many tokens a prompt has, also one that does not fit into the context. */
export const promptLength = (prompter: Prompter, input: Input): number => write(prompter, input).tokens.length;

const started = ({ model }: Prompter, tokens: readonly number[]): readonly number[] =>
  model.beginning !== undefined && tokens[0] !== model.beginning ? [model.beginning, ...tokens] : tokens;

const fitting = ({ name, contextSize }: Prompter, all: readonly number[]): Uint32Array => {
  if (all.length === 0)
    throw new GolekError('invalid_request', 'the prompt is empty, and this model cannot start from nothing', {
      details: { field: 'input' },
    });
  if (all.length >= contextSize)
    throw new GolekError(
      'context_length_exceeded',
      `the prompt has ${all.length} tokens; model '${name}' is loaded with a context of ${contextSize}, which must also hold the answer`,
      { details: { promptTokens: all.length, contextLength: contextSize } },
    );
  return Uint32Array.from(all);
};

/** Throws `invalid_request` for ids that the model does not have. */
export const checkTokens = ({ name, model }: Prompter, tokens: readonly number[], field: string): void => {
  const { size } = model.vocabulary;
  const wrong = tokens.find((token) => token >= size);
  if (wrong === undefined) return;
  throw new GolekError(
    'invalid_request',
    `'${field}' has the token ${wrong}; the tokens of model '${name}' are 0 to ${size - 1}`,
    { details: { field } },
  );
};
