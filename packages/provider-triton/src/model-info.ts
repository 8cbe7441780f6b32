import type { TensorPort } from '@golek/providers-spi';
import type { TritonTask } from './options.ts';

/** Back ends whose text models have inputs that are known. */
export type TextDialect = 'vllm' | 'tensorrt-llm';

/** What a server says of a model. */
export interface ModelInfo {
  readonly inputs: readonly TensorPort[];
  readonly outputs: readonly TensorPort[];
  /** One request may have any number of answers. */
  readonly decoupled: boolean;
}

const has = (ports: readonly TensorPort[], name: string): boolean => ports.some((port) => port.name === name);

/** The tasks of a model by its tensors: all take and give tensors; some are known to take text. */
export const tasksOf = ({ inputs, outputs }: ModelInfo): readonly TritonTask[] => {
  if (!has(inputs, 'text_input')) return ['tensor'];
  if (has(outputs, 'text_output')) return ['generate', 'tensor'];
  return has(outputs, 'embedding') ? ['embed', 'tensor'] : ['tensor'];
};

/** TensorRT-LLM's ensembles have an input for each parameter, vLLM's models one for all. */
export const dialectOf = ({ inputs }: ModelInfo): TextDialect => (has(inputs, 'max_tokens') ? 'tensorrt-llm' : 'vllm');
