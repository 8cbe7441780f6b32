import { GolekError, type GenerateRequest } from '@golek/providers-spi';
import { callableTools, type ReasoningPrefix } from './answer-grammar.ts';
import type { ChatTemplate } from './chat-template.ts';
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

/** The tokens that a request is answered from. Throws `context_length_exceeded` where they leave no room for an answer. */
export const promptOf = (prompter: Prompter, { input }: GenerateRequest): Prompt => {
  const { name, model, template, reasoning } = prompter;
  if (input.type !== 'chat') {
    if (typeof input.prompt !== 'string') checkTokens(prompter, input.prompt, 'input.prompt');
    const { prompt, suffix } = input;
    // Between the marks stands somebody's text, in which the spelling of a special token is just text.
    const tokens = typeof prompt === 'string' ? model.tokenize(prompt, suffix === undefined) : prompt;
    const whole =
      suffix !== undefined && model.infill ? infillPrompt(model.infill, tokens, model.tokenize(suffix, false)) : tokens;
    return { tokens: started(prompter, whole), reasoning: undefined };
  }
  if (!template)
    throw new GolekError('unsupported', `model '${name}' has no chat template`, {
      details: { option: 'input.chat' },
    });
  const text = template.render(name, input, callableTools(input));
  return {
    tokens: started(prompter, model.tokenize(text, true)),
    reasoning: reasoning && {
      format: reasoning,
      start: reasoningStart(reasoning, text, input.reasoning?.enabled),
    },
  };
};

const started = ({ name, model, contextSize }: Prompter, tokens: readonly number[]): Uint32Array => {
  const all =
    model.beginning !== undefined && tokens[0] !== model.beginning ? [model.beginning, ...tokens] : [...tokens];
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
