import type { InferenceResult } from '@golek/api';
import type { ClassifyCall } from '../openai/classify-request.ts';
import { classifyResponse } from '../openai/classify-response.ts';
import { completionUsage } from '../openai/completion-usage.ts';
import type { EmbeddingCall } from '../openai/embedding-request.ts';
import { embeddingResponse } from '../openai/embedding-response.ts';
import type { RerankCall } from '../openai/rerank-request.ts';
import { rerankResponse } from '../openai/rerank-response.ts';
import type { InferCall } from '../tensors/tensor-request.ts';
import { inferResponse } from '../tensors/tensor-response.ts';
import type { FinishedMessage, ServerMessage } from './server-message.ts';
import { warningMessage } from './short-messages.ts';

// Each takes the answer of the HTTP route apart: what is checked and how it is sorted is decided there.

export const embeddingMessages = (result: InferenceResult, id: string, call: EmbeddingCall): ServerMessage[] =>
  embeddingResponse(result, call).data.map(({ index, embedding }) => ({ type: 'embedding', id, index, embedding }));

export const scoreMessages = (result: InferenceResult, id: string, call: RerankCall): ServerMessage[] => [
  { type: 'scores', id, results: rerankResponse(result, id, call, '1').results },
];

export const labelMessages = (result: InferenceResult, id: string, call: ClassifyCall): ServerMessage[] =>
  classifyResponse(result, { id, created: 0 }, call).data.map((item) =>
    item.object === 'entities'
      ? { type: 'labels', id, index: item.index, entities: item.entities }
      : { type: 'labels', id, index: item.index, predictions: item.predictions },
  );

export const tensorMessages = (result: InferenceResult, id: string, call: InferCall): ServerMessage[] =>
  inferResponse(result, id, call).outputs.map((tensor) => ({ type: 'tensor', id, tensor }));

export const warningMessages = ({ warnings }: InferenceResult, id: string): ServerMessage[] =>
  warnings.map((message) => warningMessage(message, id));

/** What `finished` tells of such an answer. */
export const finishedResult = ({ usage }: InferenceResult): Pick<FinishedMessage, 'usage'> =>
  usage ? { usage: completionUsage(usage) } : {};
