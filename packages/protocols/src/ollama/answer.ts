import { GolekError, type InferenceResult } from '@golek/api';
import { checkFinished } from '../openai/finish-reason.ts';
import { chatLogprobs } from '../openai/token-logprobs.ts';
import type { AnswerForm } from './answer-form.ts';
import { DONE_REASONS } from './done-reason.ts';
import type { AnswerOptions } from './model-call.ts';
import { statisticsOf, type AnswerClock } from './statistics.ts';
import { cutCallWarning, toolCallText } from './tool-call-text.ts';

/** The JSON text of a whole answer: that of arguments is the model's own. Throws `provider_failed` when the answer is missing. */
export const wholeAnswer = (
  result: InferenceResult,
  form: AnswerForm,
  clock: AnswerClock,
  { warnings }: AnswerOptions,
): string => {
  checkFinished(result.choices.length, 1);
  const [choice] = result.choices;
  if (!choice) throw new GolekError('provider_failed', 'the provider gave no answer');
  const { text, reasoning, finish, logprobs } = choice;
  const calls: string[] = [];
  const told = [...warnings, ...result.warnings];
  choice.toolCalls.forEach((call, index) => {
    const written = toolCallText(call, index, finish);
    if (written === undefined) told.push(cutCallWarning(call.name));
    else calls.push(written);
  });
  const rest = JSON.stringify({
    ...(logprobs.length > 0 && { logprobs: chatLogprobs(logprobs).content }),
    done: true,
    done_reason: DONE_REASONS[finish],
    ...statisticsOf(clock, result.usage),
    ...(told.length > 0 && { warnings: told }),
  });
  const head = `{"model":${JSON.stringify(result.model)},"created_at":"${clock.now()}",`;
  return `${head}${form.fields({ text, thinking: reasoning, calls })},${rest.slice(1)}`;
};

/** The answer to a request without input: what became of the model. */
export const lifeAnswer = (
  model: string,
  done: 'load' | 'unload',
  form: AnswerForm,
  clock: AnswerClock,
  warnings: readonly string[],
): string => {
  const told = warnings.length > 0 ? `,"warnings":${JSON.stringify(warnings)}` : '';
  return `{"model":${JSON.stringify(model)},"created_at":"${clock.now()}",${form.fields({ text: '' })},"done":true,"done_reason":"${done}"${told}}`;
};
