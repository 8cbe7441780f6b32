import { once } from 'node:events';
import { modelInferRequest, readModelInferResponse, type InferMessage } from '@golek/protocols/kserve';
import { tensorValues } from '@golek/protocols/tensors';
import type { ModelInferRequest, ModelInferResponse, ModelStreamInferResponse } from '@golek/protocols/kserve/wire';
import { Client, credentials, type ClientDuplexStream, type ServiceError } from '@grpc/grpc-js';
import { INFERENCE_SERVICE } from '../grpc/service-definition.ts';
import type { RunningGolek } from '../running-golek.fixture.ts';
import { MAX_TOKENS, post, Refused, sse, type Protocol } from './protocol.fixture.ts';

const CHATS = 'its texts are raw: no chat template is laid around them';
const TOOLS = 'it has no tools';

const vectors = (values: readonly number[], [rows = 0, width = 0]: readonly number[]): number[][] =>
  Array.from({ length: rows }, (_, row) => values.slice(row * width, (row + 1) * width));

export const KSERVE_REST: Protocol = {
  name: 'KServe REST',
  calls: '`/v2/models/{m}/generate`, `/generate_stream`, `/infer`',
  chat: CHATS,
  text: async (golek, model, prompt, stream) => {
    const asked = { text_input: prompt, temperature: 0, max_tokens: MAX_TOKENS, exclude_input_in_output: true };
    const text = await post(golek, `/v2/models/${model}/generate${stream ? '_stream' : ''}`, {
      ...asked,
      ...(stream && { stream }),
    });
    const answers = stream ? sse<{ text_output: string }>(text) : [JSON.parse(text) as { text_output: string }];
    return answers.map(({ text_output }) => text_output).filter((piece) => piece !== '');
  },
  embeddings: async (golek, model, inputs) => {
    const asked = {
      inputs: [{ name: 'text_input', datatype: 'BYTES', shape: [inputs.length], data: inputs }],
      outputs: [{ name: 'embedding' }],
    };
    const { outputs } = JSON.parse(await post(golek, `/v2/models/${model}/infer`, asked)) as {
      outputs: { data: number[]; shape: number[] }[];
    };
    return outputs.flatMap(({ data, shape }) => vectors(data, shape));
  },
  tools: TOOLS,
};

const connected = async <T>({ grpcPort }: RunningGolek, work: (client: Client) => Promise<T>): Promise<T> => {
  const client = new Client(`127.0.0.1:${grpcPort}`, credentials.createInsecure());
  try {
    return await work(client);
  } finally {
    client.close();
  }
};

const methodOf = (name: string) => {
  const method = INFERENCE_SERVICE[name];
  if (!method) throw new Error(`the service has no ${name}`);
  return method;
};

const infer = (golek: RunningGolek, message: ModelInferRequest): Promise<ModelInferResponse> =>
  connected(golek, (client) => {
    const { path, requestSerialize, responseDeserialize } = methodOf('modelInfer');
    return new Promise((resolve, reject) => {
      client.makeUnaryRequest<ModelInferRequest, ModelInferResponse>(
        path,
        requestSerialize,
        responseDeserialize,
        message,
        (error: ServiceError | null, answer) => {
          if (answer) resolve(answer);
          else reject(new Refused(error?.code ?? 0, error?.details ?? ''));
        },
      );
    });
  });

const inferStream = (golek: RunningGolek, message: ModelInferRequest): Promise<ModelInferResponse[]> =>
  connected(golek, async (client) => {
    const { path, requestSerialize, responseDeserialize } = methodOf('modelStreamInfer');
    const duplex: ClientDuplexStream<ModelInferRequest, ModelStreamInferResponse> = client.makeBidiStreamRequest(
      path,
      requestSerialize,
      responseDeserialize as (bytes: Buffer) => ModelStreamInferResponse,
    );
    const answers: ModelStreamInferResponse[] = [];
    duplex.on('data', (answer: ModelStreamInferResponse) => answers.push(answer));
    duplex.write(message);
    duplex.end();
    await once(duplex, 'end');
    const failed = answers.find(({ errorMessage }) => errorMessage !== '');
    // A stream goes on after a failure, so that a failure has no status there.
    if (failed) throw new Refused(0, failed.errorMessage);
    return answers.flatMap(({ inferResponse }) => inferResponse ?? []);
  });

const messageOf = (model: string, fields: Partial<InferMessage>): ModelInferRequest =>
  modelInferRequest({ model, version: '', id: '', parameters: {}, inputs: [], ...fields });

const outputOf = (answer: ModelInferResponse, name: string): readonly (readonly [unknown[], readonly number[]])[] =>
  readModelInferResponse(answer)
    .outputs.filter((tensor) => tensor.name === name)
    .map((tensor) => [[...tensorValues(tensor)], tensor.shape]);

export const KSERVE_GRPC: Protocol = {
  name: 'KServe gRPC',
  calls: '`ModelInfer`, `ModelStreamInfer`',
  chat: CHATS,
  text: async (golek, model, prompt, stream) => {
    const bool = (name: string, value: boolean) => ({
      name,
      type: 'BOOL' as const,
      shape: [1],
      data: Uint8Array.of(Number(value)),
    });
    const text = (name: string, value: string) => ({ name, type: 'BYTES' as const, shape: [1], data: [value] });
    const inputs = [
      text('text_input', prompt),
      bool('stream', stream),
      bool('exclude_input_in_output', true),
      text('sampling_parameters', JSON.stringify({ temperature: 0, max_tokens: MAX_TOKENS })),
    ];
    const message = messageOf(model, { inputs });
    const answers = stream ? await inferStream(golek, message) : [await infer(golek, message)];
    return answers
      .flatMap((answer) => outputOf(answer, 'text_output').map(([[piece]]) => String(piece)))
      .filter((piece) => piece !== '');
  },
  embeddings: async (golek, model, inputs) => {
    const texts = { name: 'text_input', type: 'BYTES' as const, shape: [inputs.length], data: [...inputs] };
    const answer = await infer(golek, messageOf(model, { inputs: [texts], outputs: ['embedding'] }));
    return outputOf(answer, 'embedding').flatMap(([values, shape]) => vectors(values.map(Number), shape));
  },
  tools: TOOLS,
};
