import type { TensorPort } from '@golek/api';

const option = <N extends string>(name: N, type: TensorPort['type']): TensorPort & { readonly name: N } => ({
  name,
  type,
  shape: [1],
  optional: true,
});

/** What a text model takes: the tensors of Triton's vLLM back end. */
export const TEXT_INPUTS = [
  { name: 'text_input', type: 'BYTES', shape: [1] },
  option('stream', 'BOOL'),
  option('sampling_parameters', 'BYTES'),
  option('exclude_input_in_output', 'BOOL'),
  option('return_finish_reason', 'BOOL'),
  option('return_num_input_tokens', 'BOOL'),
  option('return_num_output_tokens', 'BOOL'),
] as const satisfies readonly TensorPort[];

export const TEXT_OUTPUTS = [
  { name: 'text_output', type: 'BYTES', shape: [-1] },
  { name: 'finish_reason', type: 'BYTES', shape: [-1] },
  { name: 'num_input_tokens', type: 'UINT32', shape: [1] },
  { name: 'num_output_tokens', type: 'UINT32', shape: [-1] },
] as const satisfies readonly TensorPort[];

export type TextInput = (typeof TEXT_INPUTS)[number]['name'];
export type TextOutput = (typeof TEXT_OUTPUTS)[number]['name'];

/** What a model that makes embeddings takes and gives; Golek's own names, since Triton has none. */
export const EMBED_INPUTS = [
  { name: 'text_input', type: 'BYTES', shape: [-1] },
] as const satisfies readonly TensorPort[];
export const EMBED_OUTPUTS = [
  { name: 'embedding', type: 'FP32', shape: [-1, -1] },
] as const satisfies readonly TensorPort[];
