import { ELEMENT_CODECS } from '@golek/protocols/tensors';
import {
  GolekError,
  refuseUnsupported,
  type GenerateRequest,
  type NamedTensor,
  type RequestOption,
  type TensorPort,
} from '@golek/providers-spi';
import { dialectOf, type ModelInfo } from '../model-info.ts';

type Value = string | number | boolean;

/** More tokens than any context holds: vLLM ends after 16 where it is told nothing. */
const UNLIMITED = 1_000_000;

/** One value for each, with the dimensions that the model wants: a batch of one where it has batches. */
const tensorOf = ({ name, type, shape }: TensorPort, values: readonly Value[]): NamedTensor => {
  const dimensions = shape?.length ?? 1;
  const sizes = [...Array.from({ length: Math.max(0, dimensions - 1) }, () => 1), values.length];
  if (type === 'BYTES') return { name, type, shape: sizes, data: values.map(String) };
  const { size, write, expected } = ELEMENT_CODECS[type];
  const data = new Uint8Array(values.length * size);
  const view = new DataView(data.buffer);
  for (const [index, value] of values.entries()) {
    if (!write(view, index * size, value))
      throw new GolekError(
        'invalid_request',
        `the input '${name}' is ${type} there: ${String(value)} is no such value; expected ${expected}`,
      );
  }
  return { name, type, shape: sizes, data };
};

/** Each of TensorRT-LLM's inputs and the part of a request that it is. */
const SINGLE: readonly {
  readonly name: string;
  readonly option: RequestOption;
  readonly of: (request: GenerateRequest) => Value | readonly Value[] | undefined;
}[] = [
  { name: 'max_tokens', option: 'maxTokens', of: ({ maxTokens }) => maxTokens },
  { name: 'temperature', option: 'sampling.temperature', of: ({ sampling }) => sampling?.temperature },
  { name: 'top_k', option: 'sampling.topK', of: ({ sampling }) => sampling?.topK },
  { name: 'top_p', option: 'sampling.topP', of: ({ sampling }) => sampling?.topP },
  { name: 'random_seed', option: 'sampling.seed', of: ({ sampling }) => sampling?.seed },
  { name: 'repetition_penalty', option: 'sampling.repeatPenalty', of: ({ sampling }) => sampling?.repeatPenalty },
  { name: 'presence_penalty', option: 'sampling.presencePenalty', of: ({ sampling }) => sampling?.presencePenalty },
  { name: 'frequency_penalty', option: 'sampling.frequencyPenalty', of: ({ sampling }) => sampling?.frequencyPenalty },
  { name: 'stop_words', option: 'stop', of: ({ stop }) => stop },
];

const VLLM_OPTIONS: readonly RequestOption[] = [
  'sampling.temperature',
  'sampling.topP',
  'sampling.topK',
  'sampling.minP',
  'sampling.seed',
  'sampling.frequencyPenalty',
  'sampling.presencePenalty',
  'sampling.repeatPenalty',
  'sampling.logitBias',
  'maxTokens',
  'stop',
  'stopTokens',
  'ignoreEos',
];

const present = (inputs: readonly TensorPort[], name: string): boolean => inputs.some((port) => port.name === name);

/** Parts of a generate request that the model has an input for. */
/** Where it is not known what the model is, vLLM's are taken. */
export const textOptions = (info: ModelInfo | undefined): readonly RequestOption[] => {
  if (!info) return ['input.text', ...VLLM_OPTIONS];
  const { inputs } = info;
  if (dialectOf(info) === 'tensorrt-llm')
    return ['input.text', ...SINGLE.filter(({ name }) => present(inputs, name)).map(({ option }) => option)];
  return present(inputs, 'sampling_parameters') ? ['input.text', ...VLLM_OPTIONS] : ['input.text'];
};

const samplingParameters = ({
  sampling,
  maxTokens = UNLIMITED,
  stop,
  stopTokens,
  ignoreEos,
}: GenerateRequest): string =>
  JSON.stringify({
    max_tokens: maxTokens,
    temperature: sampling?.temperature,
    top_p: sampling?.topP,
    // vLLM keeps all with -1.
    top_k: sampling?.topK === 0 ? -1 : sampling?.topK,
    min_p: sampling?.minP,
    seed: sampling?.seed,
    frequency_penalty: sampling?.frequencyPenalty,
    presence_penalty: sampling?.presencePenalty,
    repetition_penalty: sampling?.repeatPenalty,
    logit_bias: sampling?.logitBias,
    stop,
    stop_token_ids: stopTokens,
    ignore_eos: ignoreEos,
  });

/** The tensors of a request for text. Throws `unsupported` for what the model has no input for. */
export const textInputs = (request: GenerateRequest, info: ModelInfo, stream: boolean): NamedTensor[] => {
  refuseUnsupported(request, request.model, { tasks: ['generate'], options: textOptions(info), parallel: 1 });
  const { input } = request;
  // Chats and tokens are refused above.
  const prompt = input.type === 'text' ? String(input.prompt) : '';
  const values: Record<string, Value | readonly Value[] | undefined> = {
    text_input: prompt,
    stream,
    exclude_input_in_output: true,
    return_finish_reason: true,
    return_num_input_tokens: true,
    return_num_output_tokens: true,
    ...(dialectOf(info) === 'vllm'
      ? { sampling_parameters: samplingParameters(request) }
      : Object.fromEntries(SINGLE.map(({ name, of }) => [name, of(request)]))),
  };
  return info.inputs.flatMap((port) => {
    const value = Object.hasOwn(values, port.name) ? values[port.name] : undefined;
    if (value === undefined) return [];
    return tensorOf(port, typeof value === 'object' ? value : [value]);
  });
};
