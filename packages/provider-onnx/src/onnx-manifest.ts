import type { ModelManifest, ModelSource } from '@golek/providers-spi';
import { elementName } from './element-types.ts';
import type { OnnxFile } from './onnx-file.ts';
import type { TaskPlan } from './tasks/task-plan.ts';

/** The manifest of a model: what its files say, nothing guessed. */
export const manifestOf = (source: ModelSource, provider: string, file: OnnxFile, plan: TaskPlan): ModelManifest => {
  const { elements } = file.header;
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
    sizeBytes: file.sizeBytes,
    created: file.modified,
  };
};
