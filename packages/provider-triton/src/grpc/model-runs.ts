import type { InferMessage } from '@golek/protocols/kserve';
import type { InferenceEvent, NamedTensor } from '@golek/providers-spi';
import type { RemoteModel } from '@golek/providers-spi/remote';
import type { ModelInfo } from '../model-info.ts';
import { embeddingEvents, embedInputs } from '../text/embeddings.ts';
import { textInputs } from '../text/text-inputs.ts';
import { TextReader } from '../text/text-reader.ts';
import type { Channels } from './channels.ts';
import { grpcRun } from './grpc-run.ts';
import { inferOnce, inferStream } from './infer.ts';

/** What the runs of a model need beside its host. */
export interface GrpcModel {
  readonly channels: Channels;
  /** Empty: the server's choice. */
  readonly version: string;
  readonly idleTimeoutMs: number;
  /** What the model is; the server is asked once. */
  readonly info: (signal: AbortSignal) => Promise<ModelInfo>;
}

type Events = AsyncGenerator<InferenceEvent, undefined, undefined>;
type Answers = AsyncIterable<readonly NamedTensor[]>;

/** Runs of the three tasks over gRPC. */
export const grpcRuns =
  ({ channels, version, idleTimeoutMs, info }: GrpcModel): RemoteModel['run'] =>
  (host, request, context) => {
    async function* work(signal: AbortSignal): Events {
      const { deadline, traceparent } = context;
      const known = await info(signal);
      const ask = (asked: Pick<InferMessage, 'inputs'> & Partial<InferMessage>): Answers => {
        const message = { model: host.model, version, id: context.id, parameters: {}, ...asked };
        const sequence = sequenceOf(message.parameters);
        const call = { signal, deadline, traceparent, sequence };
        return known.decoupled
          ? inferStream(channels, message, call, idleTimeoutMs)
          : once(() => inferOnce(channels, message, call, idleTimeoutMs));
      };
      if (request.task === 'generate') yield* textEvents(ask({ inputs: textInputs(request, known, known.decoupled) }));
      else if (request.task === 'embed')
        yield* vectorEvents(ask({ inputs: embedInputs(request) }), request.inputs.length);
      else if (request.task === 'tensor') {
        const { inputs, outputs, parameters = {} } = request;
        yield* tensorEvents(ask({ inputs, parameters, ...(outputs && { outputs }) }));
      }
      return undefined;
    }
    return grpcRun(host, request, context, work);
  };

/** The sequence of requests to which a request says that it belongs. */
const sequenceOf = ({ sequence_id: id }: Readonly<Record<string, unknown>>): string | undefined =>
  (typeof id === 'number' && id !== 0) || (typeof id === 'string' && id !== '') ? String(id) : undefined;

async function* once(
  ask: () => Promise<readonly NamedTensor[]>,
): AsyncGenerator<readonly NamedTensor[], undefined, undefined> {
  yield await ask();
  return undefined;
}

async function* tensorEvents(answers: Answers): Events {
  for await (const tensors of answers) {
    for (const tensor of tensors) yield { type: 'tensor', tensor };
  }
  return undefined;
}

async function* vectorEvents(answers: Answers, count: number): Events {
  for await (const tensors of answers) yield* embeddingEvents(tensors, count);
  return undefined;
}

async function* textEvents(answers: Answers): Events {
  const reader = new TextReader();
  const events: InferenceEvent[] = [];
  for await (const tensors of answers) {
    reader.read(tensors, events);
    yield* events.splice(0);
  }
  reader.end(events);
  yield* events;
  return undefined;
}
