import type { GenerateRequest, InferenceRequest, RequestOption, Task } from '../../index.ts';

type Parts = Omit<Partial<GenerateRequest>, 'task' | 'model'>;

const TOOL = { name: 'now', parameters: { type: 'object', properties: {} } };

const chat = (text: string): Extract<GenerateRequest['input'], { type: 'chat' }> => ({
  type: 'chat',
  messages: [{ role: 'user', content: [{ type: 'text', text }] }],
});

/** What to add to a plain request so that it uses the option. */
const partsUsing = (option: Exclude<RequestOption, 'dimensions' | 'input.audio' | 'parameters'>): Parts => {
  switch (option) {
    case 'input.chat':
      return { input: chat('hello') };
    case 'input.text':
      return { input: { type: 'text', prompt: 'hello' } };
    case 'input.tokens':
      return { input: { type: 'text', prompt: [1] } };
    case 'input.image': {
      const source = { kind: 'base64', mediaType: 'image/png', data: 'AA==' } as const;
      return { input: { type: 'chat', messages: [{ role: 'user', content: [{ type: 'image', source }] }] } };
    }
    case 'echo':
      return { input: { type: 'text', prompt: 'hello', echo: true } };
    case 'suffix':
      return { input: { type: 'text', prompt: 'hello', suffix: 'world' } };
    case 'tools':
      return { input: { ...chat('hello'), tools: [TOOL] } };
    case 'toolChoice':
      return { input: { ...chat('hello'), toolChoice: { type: 'required' } } };
    case 'parallelToolCalls':
      return { input: { ...chat('hello'), tools: [TOOL], parallelToolCalls: false } };
    case 'reasoning.enabled':
      return { input: { ...chat('hello'), reasoning: { enabled: false } } };
    case 'reasoning.effort':
      return { input: { ...chat('hello'), reasoning: { effort: 'low' } } };
    case 'templateOptions':
      return { input: { ...chat('hello'), templateOptions: { enable_thinking: false } } };
    case 'sampling.temperature':
      return { sampling: { temperature: 0 } };
    case 'sampling.topP':
      return { sampling: { topP: 0.9 } };
    case 'sampling.topK':
      return { sampling: { topK: 1 } };
    case 'sampling.minP':
      return { sampling: { minP: 0.1 } };
    case 'sampling.seed':
      return { sampling: { seed: 1 } };
    case 'sampling.frequencyPenalty':
      return { sampling: { frequencyPenalty: 1 } };
    case 'sampling.presencePenalty':
      return { sampling: { presencePenalty: 1 } };
    case 'sampling.repeatPenalty':
      return { sampling: { repeatPenalty: 1.1 } };
    case 'sampling.repeatLastTokens':
      return { sampling: { repeatLastTokens: 8 } };
    case 'sampling.xtc':
      return { sampling: { xtc: { probability: 0.5, threshold: 0.1 } } };
    case 'sampling.dry':
      return { sampling: { dry: { multiplier: 0.8 } } };
    case 'sampling.logitBias':
      return { sampling: { logitBias: { '1': 1 } } };
    case 'output.json':
      return { output: { type: 'json' } };
    case 'output.json-schema':
      return { output: { type: 'json-schema', schema: { type: 'object' } } };
    case 'output.grammar':
      return { output: { type: 'grammar', grammar: 'root ::= "a"' } };
    case 'maxTokens':
      return { maxTokens: 1 };
    case 'stop':
      return { stop: ['\n'] };
    case 'stopTokens':
      return { stopTokens: [1] };
    case 'ignoreEos':
      return { ignoreEos: true, maxTokens: 1 };
    case 'adapters':
      return { adapters: [{ name: 'some' }] };
    case 'choices':
      return { choices: 2 };
    case 'bestOf':
      return { bestOf: 2 };
    case 'logprobs':
      return { logprobs: { top: 1 } };
  }
};

/** A request that uses the option and, as far as possible, nothing else that the model does not support. */
export const requestUsing = (
  option: RequestOption,
  model: string,
  supported: readonly RequestOption[],
): InferenceRequest => {
  if (option === 'dimensions') return { task: 'embed', model, inputs: ['hello'], dimensions: 2 };
  if (option === 'parameters') return { ...REQUESTS.tensor(model), parameters: { sequence_id: 1 } };
  if (option === 'input.audio') {
    const source = { kind: 'base64', mediaType: 'audio/wav', data: 'AA==' } as const;
    return { task: 'classify', model, inputs: [{ type: 'audio', source }] };
  }
  const plain = supported.includes('input.chat') ? chat('hello') : ({ type: 'text', prompt: 'hello' } as const);
  return { task: 'generate', model, input: plain, ...partsUsing(option) };
};

const REQUESTS: { readonly [T in Task]: (model: string) => Extract<InferenceRequest, { task: T }> } = {
  generate: (model) => ({ task: 'generate', model, input: chat('hello') }),
  embed: (model) => ({ task: 'embed', model, inputs: ['hello'] }),
  rerank: (model) => ({ task: 'rerank', model, query: 'hello', documents: ['world'] }),
  classify: (model) => ({ task: 'classify', model, inputs: ['hello'] }),
  tensor: (model) => ({
    task: 'tensor',
    model,
    inputs: [{ name: 'x', type: 'UINT8', shape: [1], data: Uint8Array.of(1) }],
  }),
  tokenize: (model) => ({ task: 'tokenize', model, text: 'hello' }),
  detokenize: (model) => ({ task: 'detokenize', model, tokens: [1] }),
  count: (model) => ({ task: 'count', model, input: chat('hello') }),
};

/** A request of the first task that is wanted. */
export const requestOfTask = (wanted: (task: Task) => boolean, model: string): InferenceRequest | undefined => {
  const task = (Object.keys(REQUESTS) as Task[]).find(wanted);
  return task && REQUESTS[task](model);
};
