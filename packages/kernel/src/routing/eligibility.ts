import type { InferenceRequest } from '@golek/api';
import type { RoutingHints } from '@golek/plugins-api';
import { usedOptions, type SessionCapabilities } from '@golek/providers-spi';
import type { ModelEntry } from '../models/model-registry.ts';

/** What a request needs of a model, found out once for all targets. */
export interface Needs {
  readonly task: InferenceRequest['task'];
  readonly options: readonly string[];
  /** Tokens that prompt and answer have at least, as far as that is known without a tokenizer. */
  readonly tokens: number;
  readonly device: RoutingHints['device'];
}

/** The answer's limit and a prompt given as tokens count; text does not, since only the model can count it. */
const knownTokens = (request: InferenceRequest): number => {
  if (request.task === 'embed') {
    return request.inputs.reduce((most, input) => Math.max(most, typeof input === 'string' ? 0 : input.length), 0);
  }
  if (request.task !== 'generate') return 0;
  const { input, maxTokens = 0 } = request;
  return maxTokens + (input.type === 'text' && typeof input.prompt !== 'string' ? input.prompt.length : 0);
};

export const needsOf = (request: InferenceRequest, hints: RoutingHints | undefined): Needs => ({
  task: request.task,
  options: usedOptions(request),
  tokens: knownTokens(request),
  device: hints?.device,
});

/** Why a model cannot answer such a request; undefined when nothing that is known speaks against it. */
export const whyNot = (
  { manifest }: ModelEntry,
  open: SessionCapabilities | undefined,
  { task, options, tokens, device }: Needs,
): string | undefined => {
  const tasks = open?.tasks ?? manifest.tasks;
  if (!tasks.includes(task)) return `cannot '${task}' (it can: ${tasks.join(', ')})`;
  const known: readonly string[] | undefined = open?.options ?? manifest.options;
  const missing = known && options.filter((option) => !known.includes(option));
  if (missing && missing.length > 0) return `does not support ${missing.map((option) => `'${option}'`).join(', ')}`;
  const context = open?.contextLength ?? manifest.contextLength;
  if (context !== undefined && tokens > context) {
    return `holds ${context} tokens, and the request is for at least ${tokens}`;
  }
  const runsOn = open?.device ?? manifest.device;
  if (device === undefined || runsOn === device) return undefined;
  return runsOn === undefined
    ? `its device is not known before it is loaded, and the caller asks for '${device}'`
    : `runs on '${runsOn}', and the caller asks for '${device}'`;
};
