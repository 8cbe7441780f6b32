import { invalidOption, type ModelSource, type RequestOption } from '@golek/providers-spi';
import { DIALECTS, RESPONSES_OPTIONS, type Dialect, type DialectName } from './dialect.ts';
import { modelOptionsOf, type OpenAiModelOptions } from './options.ts';

/** What a model does and takes, by its options and the dialect. */
export interface ModelPlan extends Required<Pick<OpenAiModelOptions, 'api' | 'tasks' | 'options' | 'body' | 'verify'>> {
  readonly contextLength: number | undefined;
  readonly embeddingLength: number | undefined;
}

/** Options that only one of the tasks has, so that a model is not said to take what none of its tasks knows. */
const EMBED_OPTIONS: ReadonlySet<RequestOption> = new Set(['input.tokens', 'dimensions']);

/** The Responses API takes no tokens as input, which embeddings could have. */
const responsesOptions = (dialect: Dialect): readonly RequestOption[] => [
  ...(dialect.responses ?? []),
  ...dialect.options.filter((option) => option === 'dimensions'),
];

const optionsOf = (
  { api, tasks, options }: Pick<ModelPlan, 'api' | 'tasks'> & OpenAiModelOptions,
  dialect: Dialect,
) => {
  const taken = options ?? (api === 'responses' ? responsesOptions(dialect) : dialect.options);
  if (!tasks.includes('generate')) return taken.filter((option) => EMBED_OPTIONS.has(option));
  return tasks.includes('embed') ? taken : taken.filter((option) => option !== 'dimensions');
};

/** Throws `config_invalid` for what cannot be asked of the Responses API. */
const checkResponses = (
  what: string,
  { tasks = ['generate'], options = [] }: OpenAiModelOptions,
  name: DialectName,
): void => {
  const dialect: Dialect = DIALECTS[name];
  if (!dialect.responses) {
    const problem = `'api: responses' needs a service with the Responses API, and the dialect '${name}' has none that is known`;
    throw invalidOption(what, 'api', `${problem}; leave it out, or give the upstream the dialect 'openai'`);
  }
  if (!tasks.includes('generate')) {
    throw invalidOption(what, 'api', "'api: responses' is for answers, and 'tasks' has no 'generate'; leave it out");
  }
  const unknown = options.find((option) => option !== 'dimensions' && !RESPONSES_OPTIONS.includes(option));
  if (unknown !== undefined) {
    throw invalidOption(
      what,
      'options',
      `'options' has '${unknown}', for which the Responses API has no word; take it out`,
    );
  }
};

/** Throws `config_invalid` naming the option, for options that do not go with each other too. */
export const modelPlan = (source: ModelSource, name: DialectName): ModelPlan => {
  const dialect: Dialect = DIALECTS[name];
  const own = modelOptionsOf(source);
  const { api = 'chat', tasks = ['generate'], body = {}, verify = false, contextLength, embeddingLength } = own;
  const what = `options of the model '${source.name}'`;
  if (verify && dialect.deployments) {
    const problem = `'verify' needs a list of models, and the dialect '${name}' has none of its deployments; leave it out`;
    throw invalidOption(what, 'verify', problem);
  }
  if (api === 'responses') checkResponses(what, own, name);
  const options = optionsOf({ ...own, api, tasks }, dialect);
  return { api, tasks, options, body, verify, contextLength, embeddingLength };
};
