import {
  inferRequestBody,
  JSON_LENGTH_HEADER,
  readInferResponseBody,
  splitFrame,
  type InferMessage,
} from '@golek/protocols/kserve';
import { tensorValues } from '@golek/protocols/tensors';
import {
  GolekError,
  type GenerateRequest,
  type InferenceEvent,
  type InferenceRequest,
  type NamedTensor,
  type RunContext,
} from '@golek/providers-spi';
import {
  asObject,
  errorObjectOf,
  malformedFailure,
  parseJson,
  reportedFailure,
  SseReader,
  StreamedRun,
  unaryRun,
  type AnswerReader,
  type FailureContext,
  type JsonObject,
  type RemoteModel,
  type ResponseHead,
  type RunHost,
  type RunRequest,
} from '@golek/providers-spi/remote';
import { checkOutputs } from '../check-outputs.ts';
import type { ModelInfo } from '../model-info.ts';
import { embeddingEvents, embedInputs } from '../text/embeddings.ts';
import { textInputs } from '../text/text-inputs.ts';
import { TextReader } from '../text/text-reader.ts';
import { modelPath } from './model-path.ts';

type Info = (signal: AbortSignal) => Promise<ModelInfo>;

/** Runs of the three tasks over REST: texts by the generate extension, anything else as tensors. */
export const httpRuns =
  (maxLineBytes: number, version: string, info: Info): RemoteModel['run'] =>
  (host, request, context) =>
    request.task === 'generate'
      ? whenKnown(host, info, context, (known) => textRun(host, request, known, version, maxLineBytes, context))
      : tensorRun(host, request, version, context);

/** Asks what the model is before its first run, where that is not known. */
async function* whenKnown(
  host: RunHost,
  info: Info,
  { signal }: RunContext,
  run: (info: ModelInfo) => AsyncIterable<InferenceEvent>,
): AsyncGenerator<InferenceEvent, undefined, undefined> {
  const refusal = host.closed();
  if (refusal) throw refusal;
  if (signal.aborted) throw GolekError.from(signal.reason, 'cancelled');
  yield* run(await info(signal));
  return undefined;
}

const textRun = (
  host: RunHost,
  request: GenerateRequest,
  info: ModelInfo,
  version: string,
  maxLineBytes: number,
  context: RunContext,
): AsyncIterable<InferenceEvent> => {
  const stream = info.decoupled;
  const outgoing = (): RunRequest => ({
    path: modelPath(host.model, version, stream ? '/generate_stream' : '/generate'),
    body: JSON.stringify({
      id: context.id,
      ...Object.fromEntries(textInputs(request, info, stream).map((tensor) => [tensor.name, fieldOf(tensor)])),
    }),
    accept: stream ? 'text/event-stream' : 'application/json',
  });
  const answer = new FieldsReader(host.upstream.failureContext(host.model));
  const records = new SseReader(maxLineBytes);
  return new StreamedRun(
    host,
    { request, outgoing, answer, records, streamType: stream ? 'text/event-stream' : undefined },
    context,
  );
};

/** A tensor as a field of JSON: a list where it has not one value. */
const fieldOf = (tensor: NamedTensor): unknown => {
  const values = tensorValues(tensor);
  return values.length === 1 ? values[0] : values;
};

/** Reads the fields of the generate extension's answers. A stream ends when the server ends it: none of its records says that it is the last, but for the reason in it. */
class FieldsReader implements AnswerReader {
  readonly #reader = new TextReader();
  readonly #context: FailureContext;

  constructor(context: FailureContext) {
    this.#context = context;
  }

  get complete(): boolean {
    return this.#reader.hasReason;
  }

  read(record: string, events: InferenceEvent[]): boolean {
    this.readWhole(record, events);
    return false;
  }

  readWhole(text: string, events: InferenceEvent[]): void {
    const fields = asObject(parseJson(text));
    if (!fields) throw malformedFailure('broken JSON', text, this.#context);
    const { error } = fields;
    if (error !== undefined)
      throw reportedFailure({ message: typeof error === 'string' ? error : JSON.stringify(error) }, this.#context);
    this.#reader.readFields(fields, events);
  }

  end(events: InferenceEvent[]): void {
    this.#reader.end(events);
  }
}

const tensorRun = (
  host: RunHost,
  request: Exclude<InferenceRequest, GenerateRequest>,
  version: string,
  context: RunContext,
): AsyncIterable<InferenceEvent> | undefined => {
  if (request.task !== 'tensor' && request.task !== 'embed') return undefined;
  const outgoing = (): RunRequest => {
    const message: InferMessage = {
      model: host.model,
      version,
      id: context.id,
      parameters: request.task === 'tensor' ? (request.parameters ?? {}) : {},
      inputs: request.task === 'tensor' ? request.inputs : embedInputs(request),
      ...(request.task === 'tensor' && request.outputs && { outputs: request.outputs }),
    };
    const { body, jsonLength } = inferRequestBody(message);
    return {
      path: modelPath(host.model, version, '/infer'),
      body,
      accept: '*/*',
      headers:
        jsonLength === undefined
          ? {}
          : { 'content-type': 'application/octet-stream', [JSON_LENGTH_HEADER]: String(jsonLength) },
    };
  };
  const read = (body: Buffer, failure: FailureContext, head: ResponseHead): readonly InferenceEvent[] => {
    const wanted = request.task === 'tensor' ? request.outputs : undefined;
    const outputs = checkOutputs(outputsOf(body, head, failure), wanted);
    return request.task === 'embed'
      ? embeddingEvents(outputs, request.inputs.length)
      : outputs.map((tensor) => ({ type: 'tensor', tensor }));
  };
  return unaryRun(host, { request, outgoing, read }, context);
};

const TENSOR_TYPES = new Set(['application/json', 'application/octet-stream', 'application/vnd.inference+json']);

/** The JSON of an answer that is said to be one. Throws `provider_failed` for a web page, an error object, an empty or a broken body. */
const answerIn = (json: Buffer, { headers }: ResponseHead, failure: FailureContext): JsonObject => {
  const type = headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  if (type !== undefined && !TENSOR_TYPES.has(type))
    throw malformedFailure(`the content type '${type.slice(0, 64)}'`, '', failure);
  const text = json.toString();
  if (text.trim() === '') throw malformedFailure('an empty body', '', failure);
  const answer = asObject(parseJson(text));
  if (!answer) throw malformedFailure('broken JSON', text, failure);
  const error = errorObjectOf(answer);
  if (error) throw reportedFailure(error, failure);
  return answer;
};

/** Tensors that are none are the server's fault, not the caller's. */
const outputsOf = (body: Buffer, head: ResponseHead, failure: FailureContext): NamedTensor[] => {
  const length = head.headers[JSON_LENGTH_HEADER];
  try {
    const { json, binary } = splitFrame(body, Array.isArray(length) ? length[0] : length);
    const answer = answerIn(Buffer.from(json.buffer, json.byteOffset, json.byteLength), head, failure);
    return readInferResponseBody(answer, binary).outputs;
  } catch (thrown) {
    const error = GolekError.from(thrown);
    throw error.code === 'invalid_request' ? malformedFailure(error.message, '', failure) : error;
  }
};
