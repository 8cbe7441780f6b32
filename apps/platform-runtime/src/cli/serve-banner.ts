import type { GolekError, ModelManifest } from '@golek/api';

export interface BannerFacts {
  readonly url: string;
  /** Where gRPC listens, `host:port`, when it does. */
  readonly grpc?: string | undefined;
  /** Models that can be used. */
  readonly models: readonly ModelManifest[];
  /** Name of the model for examples, when there is one. */
  readonly default: string | undefined;
  /** True when a request needs credentials. */
  readonly guarded?: boolean;
  /** Models whose files cannot be used, by name. */
  readonly failed: ReadonlyMap<string, GolekError>;
}

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** Path and body of a first request, by what the model can do. */
const firstRequest = ({
  name,
  tasks,
  chatTemplate,
}: ModelManifest): readonly [path: string, body: object] | undefined => {
  if (tasks.includes('rerank'))
    return ['/v1/rerank', { model: name, query: 'What flies?', documents: ['A kite.', 'A stone.'] }];
  if (tasks.includes('classify')) return ['/v1/classify', { model: name, input: 'Hello!' }];
  if (!tasks.includes('generate'))
    return tasks.includes('embed') ? ['/v1/embeddings', { model: name, input: 'Hello!' }] : undefined;
  if (chatTemplate === false) return ['/v1/completions', { model: name, prompt: 'Once upon a time', max_tokens: 50 }];
  return ['/v1/chat/completions', { model: name, messages: [{ role: 'user', content: 'Hello! Who are you?' }] }];
};

/** One line that can be pasted into a shell; undefined for a model without a route for what it does. */
export const curlLine = (url: string, model: ModelManifest, guarded = false): string | undefined => {
  const request = firstRequest(model);
  if (!request) return undefined;
  const [path, body] = request;
  const token = guarded ? '-H "authorization: Bearer $TOKEN" ' : '';
  return `curl ${url}${path} ${token}-H 'content-type: application/json' -d ${quoted(JSON.stringify(body))}`;
};

/** Services list hundreds. */
const SHOWN_NAMES = 30;

const namesLine = (names: readonly string[]): string => {
  const more = names.length - SHOWN_NAMES;
  return names.slice(0, SHOWN_NAMES).join(', ') + (more > 0 ? ` and ${more} more; see golek models list` : '');
};

/** What `golek serve` prints once it listens. The first line is `golek listens on URL`; scripts may rely on it. */
export const serveBanner = ({ url, grpc, models, default: named, failed, guarded = false }: BannerFacts): string => {
  const names = models.map(({ name }) => name);
  const preferred = models.find(({ name }) => name === named);
  const examples = [...(preferred ? [preferred] : []), ...models].map((model) => curlLine(url, model, guarded));
  const example = examples.find((line) => line !== undefined);
  return [
    `golek listens on ${url}`,
    ...(grpc === undefined ? [] : [`gRPC on ${grpc}`]),
    `models: ${names.length > 0 ? namesLine(names) : 'none; name one with --model FILE'}`,
    ...[...failed].map(([name, error]) => `cannot be used: ${name}: ${error.message} [${error.code}]`),
    ...(example === undefined ? [] : [example]),
    '',
  ].join('\n');
};
