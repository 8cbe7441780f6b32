import { GolekError, type InferenceResult, type ModelManifest, type NamedTensor, type TensorRequest } from '@golek/api';
import type { InferMessage } from './infer-message.ts';
import { isTextParameter } from './sampling-parameters.ts';
import {
  embeddingTensor,
  readEmbedCall,
  readTextCall,
  textTensors,
  type EmbedCall,
  type TextCall,
} from './text-call.ts';
import { EMBED_OUTPUTS, TEXT_INPUTS, TEXT_OUTPUTS } from './text-ports.ts';

export interface TensorCall {
  readonly kind: 'tensor';
  readonly request: TensorRequest;
}

/** A request in canonical terms and what its answer is to hold. */
export type InferCall = TensorCall | TextCall | EmbedCall;

/** What is known of the model that is asked. */
export type ModelFacts = Pick<ModelManifest, 'tasks' | 'inputs'>;

/** Parameters that are about the way of the answer, not for the model. */
const OWN_PARAMETERS = new Set(['timeout', 'triton_enable_empty_final_response']);

const MICROSECONDS = 1000;
const LONGEST_TIMEOUT_MS = 24 * 3_600_000;

/** How long the request may take, milliseconds; undefined where it does not say (`timeout`, microseconds). Throws `invalid_request`. */
export const timeoutOf = ({ parameters }: InferMessage): number | undefined => {
  const { timeout } = parameters;
  if (timeout === undefined || timeout === 0) return undefined;
  const ms = Math.ceil(Number(timeout) / MICROSECONDS);
  if (ms >= 1 && ms <= LONGEST_TIMEOUT_MS) return ms;
  throw new GolekError(
    'invalid_request',
    `the parameter 'timeout' is ${JSON.stringify(timeout)}; expected microseconds, up to a day`,
  );
};

const readTensorCall = ({ model, parameters, inputs, outputs }: InferMessage): TensorCall => ({
  kind: 'tensor',
  request: {
    task: 'tensor',
    model,
    inputs: [...inputs],
    ...(outputs && { outputs: [...outputs] }),
    ...(Object.keys(parameters).length > 0 && { parameters }),
  },
});

const isAmong = (names: readonly string[], ports: readonly { readonly name: string }[]): boolean =>
  names.every((name) => ports.some((port) => port.name === name));

/** Text passes as text, so that it can be streamed, also where the server behind takes it as tensors; what has no name in this protocol passes as tensors there. */
const takesText = ({ inputs, outputs = [], parameters }: InferMessage, facts: ModelFacts | undefined): boolean => {
  const names = inputs.map(({ name }) => name);
  if (!names.includes('text_input')) return false;
  if (facts?.inputs?.some(({ name }) => name === 'text_input') !== true) return true;
  return (
    facts.tasks.includes('generate') &&
    isAmong(names, TEXT_INPUTS) &&
    isAmong(outputs, TEXT_OUTPUTS) &&
    Object.keys(parameters).every(isTextParameter)
  );
};

const wantsVectors = ({ outputs = [] }: InferMessage, facts: ModelFacts | undefined): boolean =>
  outputs.some((name) => name === EMBED_OUTPUTS[0].name) ||
  (facts !== undefined && !facts.tasks.includes('generate') && facts.tasks.includes('embed'));

/**
 * What a request asks for: text or embeddings where it has the input `text_input` and the model's own tensors do not, or the model generates from it; tensors otherwise.
 * Without facts (a route) it is for text. Throws `invalid_request`, `unknown_parameter` and `unsupported`.
 */
export const readCall = (message: InferMessage, facts: ModelFacts | undefined): InferCall => {
  const parameters = Object.fromEntries(
    Object.entries(message.parameters).filter(([name]) => !OWN_PARAMETERS.has(name)),
  );
  const own = { ...message, parameters };
  if (own.inputs.length === 0 && facts?.tasks.includes('tensor') === false) {
    throw new GolekError('invalid_request', "'inputs' is an empty list; send the text of the prompt as 'text_input'", {
      details: { path: 'inputs' },
    });
  }
  if (!takesText(own, facts)) return readTensorCall(own);
  return wantsVectors(own, facts) ? readEmbedCall(own) : readTextCall(own);
};

/** The tensors of an answer in one piece. Throws `provider_failed` for one that lacks an output. */
export const answerTensors = (call: InferCall, result: InferenceResult): readonly NamedTensor[] => {
  if (call.kind === 'text') return textTensors(call, result);
  if (call.kind === 'embed') return [embeddingTensor(result)];
  const missing = call.request.outputs?.find((name) => !result.tensors.some((tensor) => tensor.name === name));
  if (missing === undefined) return result.tensors;
  throw new GolekError('provider_failed', `the provider gave no output '${missing}'`);
};
