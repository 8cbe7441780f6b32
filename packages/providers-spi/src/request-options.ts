import type { GenerateRequest, InferenceRequest, Sampling } from '@golek/api';
import { GolekError } from '@golek/api/plain';
import type { SessionCapabilities } from './provider.ts';

/** Names of everything in a request that a session may or may not support. */
export const REQUEST_OPTIONS = [
  'input.chat',
  'input.text',
  'input.tokens',
  'input.image',
  'input.audio',
  'echo',
  'suffix',
  'tools',
  'toolChoice',
  'parallelToolCalls',
  'reasoning.enabled',
  'reasoning.effort',
  'templateOptions',
  'sampling.temperature',
  'sampling.topP',
  'sampling.topK',
  'sampling.minP',
  'sampling.seed',
  'sampling.frequencyPenalty',
  'sampling.presencePenalty',
  'sampling.repeatPenalty',
  'sampling.repeatLastTokens',
  'sampling.xtc',
  'sampling.dry',
  'sampling.logitBias',
  'output.json',
  'output.json-schema',
  'output.grammar',
  'maxTokens',
  'stop',
  'stopTokens',
  'ignoreEos',
  'adapters',
  'choices',
  'bestOf',
  'logprobs',
  'dimensions',
  'parameters',
] as const;
export type RequestOption = (typeof REQUEST_OPTIONS)[number];

/** Sampling values that leave the distribution as it is. */
const NEUTRAL: Readonly<Partial<Sampling>> = {
  topP: 1,
  topK: 0,
  minP: 0,
  frequencyPenalty: 0,
  presencePenalty: 0,
  repeatPenalty: 1,
};

/** A value that changes nothing needs no support: many clients send the defaults. */
const isNeutral = (sampling: Sampling, key: keyof Sampling): boolean => {
  if (key === 'xtc') return sampling.xtc?.probability === 0;
  if (key === 'dry') return sampling.dry?.multiplier === 0;
  return sampling[key] === NEUTRAL[key];
};

type Add = (condition: unknown, option: RequestOption) => void;

/** The options of what is answered or counted. */
const addInput = (input: GenerateRequest['input'], add: Add): void => {
  if (input.type === 'chat') {
    add(true, 'input.chat');
    add(
      input.messages.some((message) => message.content.some((part) => part.type === 'image')),
      'input.image',
    );
    add(input.tools?.length, 'tools');
    add(input.toolChoice && input.toolChoice.type !== 'auto' && input.toolChoice.type !== 'none', 'toolChoice');
    add(input.parallelToolCalls === false && input.tools?.length, 'parallelToolCalls');
    add(input.reasoning?.enabled !== undefined, 'reasoning.enabled');
    add(input.reasoning?.effort !== undefined, 'reasoning.effort');
    add(Object.keys(input.templateOptions ?? {}).length > 0, 'templateOptions');
  } else {
    add(true, typeof input.prompt === 'string' ? 'input.text' : 'input.tokens');
    add(input.echo, 'echo');
    add(input.suffix !== undefined, 'suffix');
  }
};

/** The options that a request makes use of. */
export const usedOptions = (request: InferenceRequest): RequestOption[] => {
  const used: RequestOption[] = [];
  const add: Add = (condition, option) => {
    if (condition) used.push(option);
  };
  if (request.task === 'embed') {
    add(
      request.inputs.some((input) => typeof input !== 'string'),
      'input.tokens',
    );
    add(request.dimensions !== undefined, 'dimensions');
    return used;
  }
  if (request.task === 'classify') {
    for (const kind of ['image', 'audio'] as const)
      add(
        request.inputs.some((input) => typeof input !== 'string' && input.type === kind),
        `input.${kind}`,
      );
    return used;
  }
  if (request.task === 'tensor') {
    add(Object.keys(request.parameters ?? {}).length > 0, 'parameters');
    return used;
  }
  if (request.task === 'count') addInput(request.input, add);
  if (request.task !== 'generate') return used;
  const { output, sampling } = request;
  addInput(request.input, add);
  for (const key of Object.keys(sampling ?? {}) as (keyof Sampling)[]) {
    add(sampling?.[key] !== undefined && !isNeutral(sampling, key), `sampling.${key}`);
  }
  if (output && output.type !== 'text') used.push(`output.${output.type}`);
  add(request.maxTokens !== undefined, 'maxTokens');
  add(request.stop?.length, 'stop');
  add(request.stopTokens?.length, 'stopTokens');
  add(request.ignoreEos, 'ignoreEos');
  add(request.adapters?.length, 'adapters');
  add((request.choices ?? 1) > 1, 'choices');
  add((request.bestOf ?? 1) > (request.choices ?? 1), 'bestOf');
  add(request.logprobs, 'logprobs');
  return used;
};

/** Throws `unsupported`, with the option in `details.option`, for the first thing in the request that the session cannot honour. */
export const refuseUnsupported = (
  request: InferenceRequest,
  model: string,
  capabilities: SessionCapabilities,
): void => {
  if (!capabilities.tasks.includes(request.task)) {
    throw new GolekError(
      'unsupported',
      `model '${model}' does not support the task '${request.task}'; it supports: ${capabilities.tasks.join(', ')}`,
      {
        details: { task: request.task, model },
      },
    );
  }
  const refused = usedOptions(request).find((option) => !capabilities.options.includes(option));
  if (refused) {
    throw new GolekError('unsupported', `model '${model}' does not support '${refused}'`, {
      details: { option: refused, model },
    });
  }
};
