import {
  asCount,
  asList,
  asObject,
  asText,
  malformedFailure,
  requestJson,
  type Upstream,
} from '@golek/providers-spi/remote';
import { nameOf } from './model-resource.ts';
import type { GeminiTask } from './options.ts';

/** Models of a page, and the most pages that are read. */
const PAGE = 1000;
const MOST_PAGES = 10;

/** What a list says of a model. */
export interface ListedModel {
  /** As of `nameOf`. */
  readonly name: string;
  /** Absent where the list does not tell; empty for a model that does nothing of what is known here. */
  readonly tasks: readonly GeminiTask[] | undefined;
  /** Tokens that a prompt may have. */
  readonly inputTokenLimit: number | undefined;
}

const METHODS: Readonly<Record<string, GeminiTask>> = {
  generateContent: 'generate',
  countTokens: 'count',
  embedContent: 'embed',
};

const readModel = (value: unknown): ListedModel | undefined => {
  const model = asObject(value);
  const name = asText(model?.['name']);
  if (!model || name === undefined) return undefined;
  const methods = model['supportedGenerationMethods'];
  const tasks = Array.isArray(methods)
    ? [...new Set(asList(methods).flatMap((method) => METHODS[String(method)] ?? []))]
    : undefined;
  return { name: nameOf(name), tasks, inputTokenLimit: asCount(model['inputTokenLimit']) };
};

/** Models of a collection, `models` or `tunedModels`, that an upstream says it has. Throws GolekError. */
export const listUpstreamModels = async (
  collection: string,
  upstream: Upstream,
  signal: AbortSignal,
): Promise<readonly ListedModel[]> => {
  const models: ListedModel[] = [];
  for (let page = 0, after = ''; page < MOST_PAGES; page++) {
    const path = `/${encodeURIComponent(collection)}?pageSize=${PAGE}${after}`;
    const json = asObject(await requestJson(upstream, { method: 'GET', path }, signal));
    // A list without models has no field for them.
    if (!json || (json[collection] !== undefined && !Array.isArray(json[collection]))) {
      throw malformedFailure('no list of models', JSON.stringify(json ?? null), upstream.failureContext());
    }
    models.push(...asList(json[collection]).flatMap((model) => readModel(model) ?? []));
    const next = asText(json['nextPageToken']);
    if (next === undefined) break;
    after = `&pageToken=${encodeURIComponent(next)}`;
  }
  return models;
};
