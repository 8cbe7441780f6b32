import type { ModelManifest } from '@golek/api';
import { z } from 'zod';
import { invalid } from '../request-body/parse-body.ts';

/** A model as Anthropic's clients list it. */
export const ModelInfo = z
  .strictObject({
    type: z.literal('model'),
    id: z.string(),
    display_name: z.string(),
    created_at: z.iso.datetime(),
    max_input_tokens: z.int().nullable().describe('Tokens that prompt and answer may hold together.'),
    max_tokens: z.null(),
    capabilities: z.null(),
    lifecycle: z.literal('active'),
    line: z.null(),
    deprecated_at: z.null(),
    retires_at: z.null(),
  })
  .meta({ id: 'AnthropicModel' });

export const ModelPage = z
  .strictObject({
    data: z.array(ModelInfo),
    has_more: z.boolean(),
    first_id: z.string().nullable(),
    last_id: z.string().nullable(),
  })
  .meta({ id: 'AnthropicModelList' });

const MILLISECONDS = 1000;
const PAGE = 20;
const LONGEST_PAGE = 1000;

/** What of a model is listed. */
type Listed = Pick<ModelManifest, 'name' | 'created' | 'contextLength'>;

export const modelInfo = ({ name, created, contextLength }: Listed): z.infer<typeof ModelInfo> => ({
  type: 'model',
  id: name,
  display_name: name,
  created_at: new Date(created * MILLISECONDS).toISOString(),
  max_input_tokens: contextLength ?? null,
  max_tokens: null,
  capabilities: null,
  lifecycle: 'active',
  line: null,
  deprecated_at: null,
  retires_at: null,
});

const limitOf = (text: string | null): number => {
  const limit = text === null ? PAGE : Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= LONGEST_PAGE) return limit;
  throw invalid('limit', `'limit' is '${String(text).slice(0, 40)}'; expected an integer from 1 to ${LONGEST_PAGE}`);
};

const placeOf = (models: readonly Listed[], name: 'after_id' | 'before_id', query: URLSearchParams): number => {
  const id = query.get(name);
  const place = models.findIndex((model) => model.name === id);
  if (id !== null && place < 0)
    throw invalid(name, `'${name}' names the model '${id.slice(0, 80)}', which is not in the list`);
  return place;
};

/** One page of the list, as `limit`, `after_id` and `before_id` of the query say. Throws `invalid_request`. */
export const modelPage = (models: readonly Listed[], query: URLSearchParams): z.infer<typeof ModelPage> => {
  const limit = limitOf(query.get('limit'));
  const after = placeOf(models, 'after_id', query);
  const before = placeOf(models, 'before_id', query);
  const end = before < 0 ? Math.min(models.length, after + 1 + limit) : before;
  const start = before < 0 ? after + 1 : Math.max(after + 1, before - limit);
  const data = models.slice(start, end).map(modelInfo);
  return {
    data,
    has_more: before < 0 ? end < models.length : start > after + 1,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
  };
};
