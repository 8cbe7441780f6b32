import type { InferenceRequest } from '@golek/api';
import { OPERATION } from './semantic-conventions.ts';

/** What a request does, as `gen_ai.operation.name`. */
export const operationOf = (request: InferenceRequest): string => {
  if (request.task === 'generate') {
    return request.input.type === 'chat' ? OPERATION.chat : OPERATION.textCompletion;
  }
  return request.task === 'embed' ? OPERATION.embeddings : request.task;
};
