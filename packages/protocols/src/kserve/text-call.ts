import {
  GolekError,
  nearest,
  type EmbedRequest,
  type FinishReason,
  type GenerateRequest,
  type InferenceEvent,
  type InferenceResult,
  type NamedTensor,
  type Usage,
} from '@golek/api';
import { textElements, bytesElements } from '../tensors/serialized-bytes.ts';
import type { InferMessage } from './infer-message.ts';
import { readSamplingParameters } from './sampling-parameters.ts';
import { EMBED_OUTPUTS, TEXT_INPUTS, TEXT_OUTPUTS, type TextInput, type TextOutput } from './text-ports.ts';

/** A request for text, and what its answer is to hold. */
export interface TextCall {
  readonly kind: 'text';
  readonly request: GenerateRequest;
  /** Stands before the answer; empty where only what is generated is wanted. */
  readonly prefix: string;
  readonly stream: boolean;
  readonly outputs: ReadonlySet<TextOutput>;
}

export interface EmbedCall {
  readonly kind: 'embed';
  readonly request: EmbedRequest;
}

const wrong = (problem: string, input: string): GolekError =>
  new GolekError('invalid_request', problem, { details: { tensor: input } });

const textsOf = (tensor: NamedTensor): string[] => {
  if (tensor.type !== 'BYTES') throw wrong(`tensor '${tensor.name}' is ${tensor.type}; expected BYTES`, tensor.name);
  const texts = textElements(bytesElements(tensor));
  if (!texts) throw wrong(`tensor '${tensor.name}' is not UTF-8`, tensor.name);
  return texts;
};

const textOf = (tensor: NamedTensor | undefined): string | undefined => {
  if (!tensor) return undefined;
  const [text, ...others] = textsOf(tensor);
  if (text !== undefined && others.length === 0) return text;
  throw wrong(
    `tensor '${tensor.name}' has ${others.length === 0 ? 0 : others.length + 1} texts; expected one: ask once for each`,
    tensor.name,
  );
};

const flagOf = (tensor: NamedTensor | undefined): boolean | undefined => {
  if (!tensor) return undefined;
  const { name, type, data } = tensor;
  if (type === 'BOOL' && data.length === 1) return data[0] !== 0;
  throw wrong(`tensor '${name}' is ${type} with ${data.length} bytes; expected one BOOL`, name);
};

/** The request's tensors by name. Throws `invalid_request` for one that there is not, with the nearest. */
const byName = (inputs: readonly NamedTensor[], known: readonly string[]): ReadonlyMap<string, NamedTensor> => {
  const tensors = new Map<string, NamedTensor>();
  for (const tensor of inputs) {
    const { name } = tensor;
    if (!known.includes(name)) {
      const hint = nearest(name.slice(0, 256), known);
      throw wrong(
        `there is no input '${name.slice(0, 256)}'; ${hint ? `did you mean '${hint}'?` : `known are ${known.join(', ')}`}`,
        name.slice(0, 256),
      );
    }
    if (tensors.has(name)) throw wrong(`input '${name}' is given twice`, name);
    tensors.set(name, tensor);
  }
  return tensors;
};

/** The outputs wanted: those that are named, else the text and what the flags ask for. */
const outputsOf = (
  named: readonly string[] | undefined,
  flags: Readonly<Partial<Record<TextOutput, boolean | undefined>>>,
): ReadonlySet<TextOutput> => {
  const wanted = named ?? ['text_output', ...Object.keys(flags).filter((name) => flags[name as TextOutput])];
  return new Set(
    wanted.map((name) => {
      const known = TEXT_OUTPUTS.find((port) => port.name === name);
      if (known) return known.name;
      throw wrong(
        `there is no output '${name.slice(0, 256)}'; known are ${TEXT_OUTPUTS.map((port) => port.name).join(', ')}`,
        name.slice(0, 256),
      );
    }),
  );
};

/**
 * Reads a request for text as Triton's vLLM back end does: the prompt is raw text, no chat template; unless the request says otherwise, an answer in one piece begins with it
 * and a stream does not. Throws `invalid_request`, `unknown_parameter` and `unsupported`.
 */
export const readTextCall = ({ model, parameters, inputs, outputs }: InferMessage): TextCall => {
  const tensors = byName(
    inputs,
    TEXT_INPUTS.map(({ name }) => name),
  );
  const of = (name: TextInput): NamedTensor | undefined => tensors.get(name);
  const prompt = textOf(of('text_input'));
  if (prompt === undefined) throw wrong("the input 'text_input' is missing", 'text_input');
  const { stream: streamParameter, exclude_input_in_output: excludeParameter, ...sampling } = parameters;
  const stream = flagOf(of('stream')) ?? streamParameter === true;
  const exclude =
    flagOf(of('exclude_input_in_output')) ?? (typeof excludeParameter === 'boolean' ? excludeParameter : stream);
  if (stream && !exclude)
    throw wrong("a stream cannot begin with its input; leave 'exclude_input_in_output' out", 'exclude_input_in_output');
  return {
    kind: 'text',
    request: {
      task: 'generate',
      model,
      input: { type: 'text', prompt },
      ...readSamplingParameters(textOf(of('sampling_parameters')), sampling),
    },
    prefix: exclude ? '' : prompt,
    stream,
    outputs: outputsOf(outputs, {
      finish_reason: flagOf(of('return_finish_reason')),
      num_input_tokens: flagOf(of('return_num_input_tokens')),
      num_output_tokens: flagOf(of('return_num_output_tokens')),
    }),
  };
};

/** Reads a request for embeddings. Throws `invalid_request`. */
export const readEmbedCall = ({ model, inputs, outputs = [] }: InferMessage): EmbedCall => {
  const tensor = byName(inputs, ['text_input']).get('text_input');
  if (!tensor) throw wrong("the input 'text_input' is missing", 'text_input');
  const [{ name: known }] = EMBED_OUTPUTS;
  const unknown = outputs.find((name) => name !== known);
  if (unknown !== undefined)
    throw wrong(`there is no output '${unknown.slice(0, 256)}'; the only one is ${known}`, unknown.slice(0, 256));
  return { kind: 'embed', request: { task: 'embed', model, inputs: textsOf(tensor) } };
};

/** vLLM's names of why an answer ended. */
const FINISH: Readonly<Record<FinishReason, string>> = {
  stop: 'stop',
  length: 'length',
  'tool-calls': 'tool_calls',
  'content-filter': 'content_filter',
};

const texts = (name: TextOutput, text: string): NamedTensor => ({ name, type: 'BYTES', shape: [1], data: [text] });

const count = (name: TextOutput, value: number): NamedTensor => {
  const data = new Uint8Array(4);
  new DataView(data.buffer).setUint32(0, value, true);
  return { name, type: 'UINT32', shape: [1], data };
};

const tensorsOf = (
  { outputs }: TextCall,
  text: string,
  finish: FinishReason | undefined,
  usage: Usage | undefined,
): NamedTensor[] => {
  const tensors: NamedTensor[] = [];
  if (outputs.has('text_output')) tensors.push(texts('text_output', text));
  if (outputs.has('finish_reason')) tensors.push(texts('finish_reason', finish ? FINISH[finish] : ''));
  if (usage && outputs.has('num_input_tokens')) tensors.push(count('num_input_tokens', usage.promptTokens));
  if (usage && outputs.has('num_output_tokens')) tensors.push(count('num_output_tokens', usage.completionTokens));
  return tensors;
};

/** The tensors of an answer in one piece. */
export const textTensors = (call: TextCall, { choices, usage }: InferenceResult): NamedTensor[] => {
  const [choice] = choices;
  if (!choice) throw new GolekError('provider_failed', 'the model gave no answer');
  return tensorsOf(call, call.prefix + choice.reasoning + choice.text, choice.finish, usage);
};

/** The tensors of each piece of a streamed answer; the last piece has what is known at the end only. */
export class TextPieces {
  readonly #call: TextCall;
  #finish: FinishReason | undefined;
  #usage: Usage | undefined;

  constructor(call: TextCall) {
    this.#call = call;
  }

  /** Undefined for an event that is no piece. */
  read(event: InferenceEvent): NamedTensor[] | undefined {
    if (event.type === 'finish') this.#finish = event.reason;
    else if (event.type === 'usage') this.#usage = event.usage;
    else if ((event.type === 'text' || event.type === 'reasoning') && event.text !== '')
      return tensorsOf(this.#call, event.text, undefined, undefined);
    return undefined;
  }

  /** Throws `provider_failed` for an answer that did not end. */
  end(): NamedTensor[] {
    if (!this.#finish) throw new GolekError('provider_failed', 'the answer ended without a finish reason');
    return tensorsOf(this.#call, '', this.#finish, this.#usage);
  }
}

/** One row for each text, in order. */
export const embeddingTensor = ({ embeddings }: InferenceResult): NamedTensor => {
  const width = embeddings[0]?.length ?? 0;
  const data = new Uint8Array(embeddings.length * width * 4);
  for (const [row, vector] of embeddings.entries())
    data.set(new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength), row * width * 4);
  return { name: EMBED_OUTPUTS[0].name, type: 'FP32', shape: [embeddings.length, width], data };
};
