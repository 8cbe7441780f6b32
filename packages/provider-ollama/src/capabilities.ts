import type { RequestOption, Task } from '@golek/providers-spi';

/** What every model that completes takes. */
const COMPLETION: readonly RequestOption[] = [
  'input.chat',
  'input.text',
  'sampling.temperature',
  'sampling.topP',
  'sampling.topK',
  'sampling.minP',
  'sampling.seed',
  'sampling.frequencyPenalty',
  'sampling.presencePenalty',
  'sampling.repeatPenalty',
  'sampling.repeatLastTokens',
  'output.json',
  'output.json-schema',
  'maxTokens',
  'stop',
  'logprobs',
];

/** What a model takes beside, by Ollama's name of what it can do. */
const FURTHER: Readonly<Record<string, readonly RequestOption[]>> = {
  tools: ['tools'],
  vision: ['input.image'],
  insert: ['suffix'],
  thinking: ['reasoning.enabled', 'reasoning.effort'],
};

/** Tasks of a model; undefined: not known. Only what it was made for, although a server may embed with any. */
export const tasksOf = (capabilities: readonly string[] | undefined): readonly ('generate' | 'embed')[] => {
  if (!capabilities) return ['generate'];
  const tasks = [
    ...(capabilities.includes('completion') ? (['generate'] as const) : []),
    ...(capabilities.includes('embedding') ? (['embed'] as const) : []),
  ];
  return tasks.length > 0 ? tasks : ['generate'];
};

/** Request options of a model. Where the server does not say, it may be asked for all: it refuses what it cannot. */
export const optionsOf = (tasks: readonly Task[], capabilities: readonly string[] | undefined): RequestOption[] => [
  ...(tasks.includes('generate')
    ? [
        ...COMPLETION,
        ...Object.entries(FURTHER).flatMap(([name, options]) =>
          capabilities?.includes(name) === false ? [] : options,
        ),
      ]
    : []),
  ...(tasks.includes('embed') ? (['dimensions'] as const) : []),
];
