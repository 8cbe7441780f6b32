import type { ModelManifest, ModelSource, TensorPort } from '@golek/providers-spi';
import { ELEMENT_TYPES, elementName } from './element-types.ts';
import type { OnnxFile } from './onnx-file.ts';
import type { GraphValue } from './onnx-header.ts';
import type { TaskPlan } from './tasks/task-plan.ts';

/** Sequences and the like are no tensors, and types that the file leaves open are not known. */
const portsOf = (values: readonly GraphValue[]): TensorPort[] =>
  values.flatMap(({ name, type }) => {
    const known = type.kind === 'tensor' ? ELEMENT_TYPES[type.element]?.type : undefined;
    if (type.kind !== 'tensor' || known === undefined) return [];
    const shape = type.dims?.map((size) => (typeof size === 'number' ? size : -1));
    return { name, type: known, ...(shape && { shape }) };
  });

/** The manifest of a model: what its files say, nothing guessed. */
export const manifestOf = (source: ModelSource, provider: string, file: OnnxFile, plan: TaskPlan): ModelManifest => {
  const { elements, inputs, outputs } = file.header;
  const { architecture, contextLength, embeddingLength, chatTemplate } = plan;
  const [most] = [...elements].sort(([, a], [, b]) => b - a);
  return {
    name: source.name,
    provider,
    source: file.path,
    tasks: ['tensor', ...plan.tasks],
    format: 'onnx',
    ...(architecture !== undefined && { architecture }),
    ...(contextLength !== undefined && { contextLength }),
    ...(embeddingLength !== undefined && { embeddingLength }),
    ...(chatTemplate !== undefined && { chatTemplate }),
    // The type that most of the weights have.
    ...(most && { quantization: elementName(most[0]) }),
    parameterCount: [...elements.values()].reduce((total, count) => total + count, 0),
    inputs: portsOf(inputs),
    outputs: portsOf(outputs),
    sizeBytes: file.sizeBytes,
    created: file.modified,
  };
};
