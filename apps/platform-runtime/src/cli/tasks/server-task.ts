import { GolekError } from '@golek/api';
import { inferBody, InferResponse, outputsOf } from '@golek/protocols/tensors';
import { z } from 'zod';
import { ServerClient, type ServerAddress } from '../server-client.ts';
import { ableModels } from './able-models.ts';
import type { ModelChoice, TaskAnswer, TaskRequest, TaskTarget } from './task-target.ts';

const Warned = z.object({ warnings: z.array(z.string()).default([]) });
const Embeddings = Warned.extend({ data: z.array(z.object({ embedding: z.base64() })) });
const Ranking = Warned.extend({ results: z.array(z.object({ index: z.int(), relevance_score: z.number() })) });
const Label = z.object({ label: z.string(), score: z.number() });
const Labels = Warned.extend({
  data: z.array(
    z.discriminatedUnion('object', [
      z.object({ object: z.literal('classification'), index: z.int(), predictions: z.array(Label) }),
      z.object({
        object: z.literal('entities'),
        index: z.int(),
        entities: z.array(Label.extend({ start: z.int(), end: z.int() })),
      }),
    ]),
  ),
});

const NOTHING: Omit<TaskAnswer, 'warnings'> = { embeddings: [], scores: [], labels: [], tensors: [] };

const vectorOf = (base64: string): Float32Array => {
  const bytes = Buffer.from(base64, 'base64');
  return Float32Array.from({ length: bytes.length / 4 }, (_, index) => bytes.readFloatLE(index * 4));
};

const wireInput = (
  input: Extract<TaskRequest, { task: 'classify' }>['inputs'][number],
): string | Readonly<Record<string, string>> => {
  if (typeof input === 'string') return input;
  const { source } = input;
  return { [input.type]: source.kind === 'url' ? source.url : `data:${source.mediaType};base64,${source.data}` };
};

const answer = async (client: ServerClient, request: TaskRequest, signal: AbortSignal): Promise<TaskAnswer> => {
  const { model } = request;
  switch (request.task) {
    case 'embed': {
      const { inputs, dimensions } = request;
      const body = { model, input: inputs, encoding_format: 'base64', ...(dimensions && { dimensions }) };
      const { data, warnings } = await client.read(Embeddings, '/v1/embeddings', signal, body);
      return { ...NOTHING, embeddings: data.map(({ embedding }) => vectorOf(embedding)), warnings };
    }
    case 'rerank': {
      const { query, documents, top } = request;
      const body = { model, query, documents, ...(top && { top_n: top }) };
      const { results, warnings } = await client.read(Ranking, '/v1/rerank', signal, body);
      const scores = results.map(({ index, relevance_score: score }) => ({ index, score }));
      return { ...NOTHING, scores, warnings };
    }
    case 'classify': {
      const { inputs, top } = request;
      const body = { model, input: inputs.map(wireInput), ...(top && { top_k: top }) };
      const { data, warnings } = await client.read(Labels, '/v1/classify', signal, body);
      const labels = data.flatMap((one) =>
        (one.object === 'entities' ? one.entities : one.predictions).map((label) => ({ index: one.index, ...label })),
      );
      return { ...NOTHING, labels, warnings };
    }
    case 'tensor': {
      const response = await client.read(InferResponse, '/v1/infer', signal, inferBody(request));
      return { ...NOTHING, tensors: outputsOf(response), warnings: response.warnings ?? [] };
    }
  }
};

/** A model of a running Golek server, over HTTP. */
export const openServerTask = async (
  address: ServerAddress,
  { task, flag, words }: ModelChoice,
  signal: AbortSignal,
): Promise<TaskTarget> => {
  const client = new ServerClient(address);
  const target = (model: string, rest: readonly string[]): TaskTarget => ({
    model,
    words: rest,
    run: (request, ends) => answer(client, request, ends),
    showLoading: () => ({ [Symbol.dispose]: () => undefined }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
  if (flag !== undefined) return target(flag, words);
  const models = await client.models(signal);
  const [first, ...rest] = words;
  if (first !== undefined && models.some(({ name }) => name === first)) return target(first, rest);
  const able = ableModels(models, task).map(({ name }) => name);
  const [only, second] = able;
  if (only !== undefined && second === undefined) return target(only, words);
  throw new GolekError(
    'model_not_found',
    only === undefined
      ? `the server at ${client.base} has no model that does '${task}'`
      : `the server at ${client.base} has ${able.length} models that do '${task}': name one of ${able.join(', ')}`,
  );
};
