import type { ModelDescription } from './models-tool.ts';

export const MODELS_URI = 'golek://models';
export const STATUS_URI = 'golek://status';
export const MODEL_URI_TEMPLATE = 'golek://models/{name}';
const MODEL_URI_START = 'golek://models/';

export const modelUri = (name: string): string => MODEL_URI_START + encodeURIComponent(name);

/** The model that an address names; undefined for another address. */
export const modelOfUri = (uri: string): string | undefined => {
  if (!uri.startsWith(MODEL_URI_START)) return undefined;
  try {
    const name = decodeURIComponent(uri.slice(MODEL_URI_START.length));
    return name === '' ? undefined : name;
  } catch {
    return undefined;
  }
};

/** A resource in the answer of `resources/list`. */
export interface WireResource {
  readonly uri: string;
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly mimeType: 'application/json';
}

const JSON_TYPE = 'application/json';

export const MODELS_RESOURCE: WireResource = {
  uri: MODELS_URI,
  name: 'models',
  title: 'Models',
  description: 'The models that may be used, with what each can do.',
  mimeType: JSON_TYPE,
};

/** For whoever may administer the server. */
export const STATUS_RESOURCE: WireResource = {
  uri: STATUS_URI,
  name: 'status',
  title: 'State of the server',
  description:
    'Its models in memory, requests in progress, what does not work as it should, and requests and tokens since the start.',
  mimeType: JSON_TYPE,
};

export const MODEL_TEMPLATE = {
  uriTemplate: MODEL_URI_TEMPLATE,
  name: 'model',
  title: 'Model',
  description: 'What is known of one model.',
  mimeType: JSON_TYPE,
} as const;

export const modelResource = ({ name, provider, tasks }: ModelDescription): WireResource => ({
  uri: modelUri(name),
  name,
  title: name,
  description: `A model of the provider '${provider}' for: ${tasks.join(', ')}.`,
  mimeType: JSON_TYPE,
});

/** What `resources/read` answers. */
export const jsonContents = (
  uri: string,
  value: unknown,
): { contents: { uri: string; mimeType: string; text: string }[] } => ({
  contents: [{ uri, mimeType: JSON_TYPE, text: JSON.stringify(value) }],
});
