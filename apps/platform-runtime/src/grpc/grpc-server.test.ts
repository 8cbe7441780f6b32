import { once } from 'node:events';
import { SILENT_LOG, type SpanData } from '@golek/api';
import { modelInferRequest, readModelInferResponse, type InferMessage } from '@golek/protocols/kserve';
import type { ModelInferRequest, ModelInferResponse, ModelStreamInferResponse } from '@golek/protocols/kserve/wire';
import { fakeProvider, type FakeModel, type FakeProvider } from '@golek/providers-spi/testing';
import { EXTENSIONS, METRICS, PROVIDERS, resolveConfiguration, type System } from '@golek/system';
import { Client, credentials, Metadata, status, type ClientDuplexStream, type ServiceError } from '@grpc/grpc-js';
import { service as healthService } from 'grpc-health-check';
import { expect, onTestFinished, test } from 'vitest';
import { PLATFORM_SECTIONS } from '../config/platform-config.ts';
import { GRPC_SERVER, grpcModule } from '../modules/grpc-module.ts';
import { httpModule } from '../modules/http-module.ts';
import { createPlatform } from '../platform.ts';
import { INFERENCE_SERVICE } from './service-definition.ts';

interface Running {
  readonly system: System;
  readonly drain: () => Promise<boolean>;
  readonly provider: FakeProvider;
  readonly client: Client;
  readonly ask: (
    method: string,
    message: object,
    metadata?: Record<string, string>,
    deadline?: number,
  ) => Promise<Record<string, unknown>>;
  readonly stream: () => ClientDuplexStream<ModelInferRequest, ModelStreamInferResponse>;
}

const LONG = Array.from({ length: 20_000 }, (_, index) => `word${index}`.padEnd(1_000, '.') + ' ').join('');

const MODELS: Readonly<Record<string, FakeModel>> = {
  graph: { tasks: ['tensor'] },
  tiny: {},
  hangs: { hang: { at: 1 } },
  slow: { delayMs: 200 },
  long: { answer: LONG.match(/\S+ /g) ?? [], contextLength: 100_000 },
};

const started = async (environment: Readonly<Record<string, string>> = {}): Promise<Running> => {
  const provider = fakeProvider({ models: MODELS });
  const { system, drain } = createPlatform({
    configuration: resolveConfiguration({
      sections: PLATFORM_SECTIONS,
      environment: { GOLEK_HTTP_PORT: '0', GOLEK_GRPC_PORT: '0', ...environment },
    }),
    log: SILENT_LOG,
    models: Object.keys(MODELS).map((name) => ({ source: { name, location: name }, provider: 'fake' })),
    isolation: 'in-process',
    server: (lifecycle) => [httpModule(lifecycle), grpcModule(lifecycle)],
    modules: [
      {
        name: 'fake',
        register: (registrar) => registrar.contribute({ to: PROVIDERS, name: 'fake', create: () => provider }),
      },
    ],
  });
  await system.start();
  const client = new Client(`127.0.0.1:${system.get(GRPC_SERVER).port}`, credentials.createInsecure());
  onTestFinished(async () => {
    client.close();
    await system.stop();
  });
  const methodOf = (name: string) => INFERENCE_SERVICE[name]!;
  return {
    system,
    provider,
    drain,
    client,
    ask: (name, message, sent = {}, deadline = Infinity) =>
      new Promise((resolve, reject) => {
        const { path, requestSerialize, responseDeserialize } = methodOf(name);
        const metadata = Metadata.fromHttp2Headers(sent);
        client.makeUnaryRequest<object, Record<string, unknown>>(
          path,
          requestSerialize,
          responseDeserialize,
          message,
          metadata,
          { deadline },
          (error, answer) => (error ? reject(error) : resolve(answer!)),
        );
      }),
    stream: () => {
      const { path, requestSerialize, responseDeserialize } = methodOf('modelStreamInfer');
      return client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize) as ClientDuplexStream<
        ModelInferRequest,
        ModelStreamInferResponse
      >;
    },
  };
};

const failureOf = async (work: Promise<unknown>): Promise<ServiceError> => {
  try {
    await work;
  } catch (thrown) {
    return thrown as ServiceError;
  }
  throw new Error('nothing failed');
};

const FP32 = { name: 'a', type: 'FP32' as const, shape: [2], data: new Uint8Array(Float32Array.of(1, 2).buffer) };
const message = (model: string, fields: Partial<InferMessage> = {}): ModelInferRequest =>
  modelInferRequest({ model, version: '', id: 'i1', parameters: {}, inputs: [], ...fields });
const text = (prompt: string, stream: boolean) => [
  { name: 'text_input', type: 'BYTES' as const, shape: [1], data: [prompt] },
  { name: 'stream', type: 'BOOL' as const, shape: [1], data: Uint8Array.of(Number(stream)) },
];

test('tells what the server and its models are, loads and unloads them, and counts requests', async () => {
  const { ask } = await started();
  expect(await ask('serverLive', {})).toEqual({ live: true });
  expect(await ask('serverReady', {})).toEqual({ ready: true });
  expect(await ask('serverMetadata', {})).toMatchObject({ name: 'golek' });
  expect(await ask('modelReady', { name: 'tiny', version: '1' })).toEqual({ ready: true });
  expect(await ask('modelMetadata', { name: 'tiny', version: '' })).toMatchObject({ name: 'tiny', versions: ['1'] });
  expect(await ask('modelConfig', { name: 'tiny', version: '' })).toMatchObject({
    config: { modelTransactionPolicy: { decoupled: true } },
  });
  expect(await ask('repositoryModelLoad', { repositoryName: '', modelName: 'graph', parameters: new Map() })).toEqual(
    {},
  );
  expect(await ask('repositoryIndex', { repositoryName: '', ready: true })).toMatchObject({
    models: [{ name: 'graph', state: 'READY' }],
  });
  await ask('modelInfer', message('graph', { inputs: [FP32] }));
  expect(await ask('modelStatistics', { name: 'graph', version: '' })).toMatchObject({
    modelStats: [{ name: 'graph', inferenceCount: 1n }],
  });
  await ask('repositoryModelUnload', { repositoryName: '', modelName: 'graph', parameters: new Map() });
  expect(await ask('repositoryIndex', { repositoryName: '', ready: true })).toEqual({ models: [] });
  expect(await failureOf(ask('modelMetadata', { name: 'tyni', version: '' }))).toMatchObject({
    code: status.NOT_FOUND,
    details: expect.stringContaining("'tiny'"),
  });
});

test('tensors and texts in one piece', async () => {
  const { ask } = await started();
  const tensors = (await ask(
    'modelInfer',
    message('graph', { inputs: [FP32], outputs: ['out_a'] }),
  )) as unknown as ModelInferResponse;
  expect(tensors.id).toBe('i1');
  expect(readModelInferResponse(tensors).outputs).toEqual([{ ...FP32, name: 'out_a' }]);
  const whole = (await ask(
    'modelInfer',
    message('tiny', { inputs: text('hi ', false) }),
  )) as unknown as ModelInferResponse;
  expect(readModelInferResponse(whole).outputs).toEqual([
    { name: 'text_output', type: 'BYTES', shape: [1], data: [expect.stringMatching(/^hi ./)] },
  ]);
  expect(await failureOf(ask('modelInfer', message('tiny', { inputs: text('hi', true) })))).toMatchObject({
    code: status.INVALID_ARGUMENT,
  });
});

test('several requests on one stream, each with its id; one that fails does not end the others', async () => {
  const { stream } = await started();
  const duplex = stream();
  const answers: ModelStreamInferResponse[] = [];
  duplex.on('data', (answer: ModelStreamInferResponse) => answers.push(answer));
  duplex.write(message('tiny', { id: 'text', inputs: text('hi', true) }));
  duplex.write(message('graph', { id: 'tensor', inputs: [FP32] }));
  duplex.write(message('absent', { id: 'wrong', inputs: [FP32] }));
  duplex.end();
  await once(duplex, 'end');
  const of = (id: string) => answers.filter(({ inferResponse }) => inferResponse?.id === id);
  const finals = (id: string) =>
    of(id).map(({ inferResponse }) => inferResponse?.parameters.get('triton_final_response')?.parameterChoice?.value);
  expect(of('text').length).toBeGreaterThan(2);
  expect(finals('text')).toEqual([
    ...of('text')
      .slice(1)
      .map(() => false),
    true,
  ]);
  expect(finals('tensor')).toEqual([true]);
  expect(of('wrong').map(({ errorMessage }) => errorMessage)).toEqual([expect.stringContaining("'absent'")]);
});

test('a stream that is cancelled ends its runs', async () => {
  const { stream, provider } = await started();
  const duplex = stream();
  duplex.on('error', () => undefined);
  duplex.write(message('hangs', { inputs: text('hi', true) }));
  await once(duplex, 'data');
  expect(provider.stats.active).toBe(1);
  duplex.cancel();
  await expect.poll(() => provider.stats.active).toBe(0);
});

test('a call whose deadline passes ends its run', async () => {
  const { ask, provider } = await started();
  const error = await failureOf(
    ask('modelInfer', message('hangs', { inputs: text('hi', false) }), {}, Date.now() + 300),
  );
  expect(error.code).toBe(status.DEADLINE_EXCEEDED);
  await expect.poll(() => provider.stats.active).toBe(0);
  const timed = message('hangs', { inputs: text('hi', false), parameters: { timeout: 50_000 } });
  expect((await failureOf(ask('modelInfer', timed))).code).toBe(status.DEADLINE_EXCEEDED);
});

test('bytes that are no message, and messages that are too large', async () => {
  const { ask, client } = await started({ GOLEK_GRPC_MAX_MESSAGE_BYTES: '2048' });
  const { path } = INFERENCE_SERVICE['modelInfer']!;
  const raw = new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      path,
      (bytes: Buffer) => bytes,
      (bytes) => bytes,
      Buffer.from([0x2a, 0xff, 0xff]),
      (error, answer) => (error ? reject(error) : resolve(answer)),
    );
  });
  expect((await failureOf(raw)).code).toBe(status.INTERNAL);
  const large = { ...FP32, shape: [1024], data: new Uint8Array(4096) };
  expect((await failureOf(ask('modelInfer', message('graph', { inputs: [large] })))).code).toBe(
    status.RESOURCE_EXHAUSTED,
  );
  expect(await ask('serverLive', {})).toEqual({ live: true });
});

test('needs the credentials of the HTTP server', async () => {
  const token = '0123456789abcdef';
  const { ask } = await started({ GOLEK_HTTP_ADMIN_TOKEN: token });
  const load = (metadata: Record<string, string>) =>
    ask('repositoryModelLoad', { repositoryName: '', modelName: 'graph', parameters: new Map() }, metadata);
  expect((await failureOf(load({}))).code).toBe(status.UNAUTHENTICATED);
  expect((await failureOf(load({ authorization: 'Bearer wrong' }))).code).toBe(status.UNAUTHENTICATED);
  expect(await load({ authorization: `Bearer ${token}` })).toEqual({});
  expect(await ask('serverReady', {})).toEqual({ ready: true });
});

test('tells its health by the standard service, and describes itself by reflection', async () => {
  const { client } = await started();
  const check = healthService['Check'] as unknown as (typeof INFERENCE_SERVICE)[string];
  const health = await new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      check.path,
      check.requestSerialize,
      check.responseDeserialize,
      { service: 'inference.GRPCInferenceService' },
      (error, answer) => (error ? reject(error) : resolve(answer)),
    );
  });
  expect(health).toEqual({ status: 'SERVING' });
  for (const version of ['v1', 'v1alpha']) {
    const reflection = client.makeBidiStreamRequest<Buffer, Buffer>(
      `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
      (bytes) => bytes,
      (bytes) => bytes,
    );
    const asked = async (field: number, text: string): Promise<string> => {
      reflection.write(Buffer.concat([Buffer.from([(field << 3) | 2, text.length]), Buffer.from(text)]));
      const [answer] = (await once(reflection, 'data')) as [Buffer];
      return answer.toString('latin1');
    };
    // ServerReflectionRequest.file_containing_symbol = 4, list_services = 7.
    expect(await asked(4, 'inference.GRPCInferenceService')).toContain('ModelStreamInfer');
    expect(await asked(7, '*')).toContain('inference.GRPCInferenceService');
    reflection.end();
  }
});

test('each call is a span with its end, but for probes', async () => {
  const { system, ask, stream } = await started({ GOLEK_TELEMETRY_TRACES_SAMPLE_RATIO: '1' });
  const spans: SpanData[] = [];
  const exporter = { name: 'kept', exportSpans: (batch: readonly SpanData[]) => void spans.push(...batch) };
  await system.get(EXTENSIONS).change({ exporters: { remove: [], add: [exporter] } });
  await ask('serverLive', {});
  await ask('modelInfer', message('graph', { inputs: [FP32] }));
  await failureOf(ask('modelMetadata', { name: 'tyni', version: '' }));
  const whole = stream();
  whole.on('data', () => undefined);
  whole.write(message('graph', { inputs: [FP32] }));
  whole.end();
  await once(whole, 'end');
  const left = stream();
  left.on('error', () => undefined);
  left.write(message('hangs', { inputs: text('hi', true) }));
  await once(left, 'data');
  left.cancel();
  const calls = (): unknown[] =>
    spans
      .filter(({ kind }) => kind === 'server')
      .map(({ name, attributes, error }) => [name.split('/')[1], attributes['rpc.status_code'], error?.type]);
  await expect.poll(() => calls().length, { timeout: 10_000 }).toBe(4);
  expect(calls()).toEqual([
    ['ModelInfer', 'OK', undefined],
    ['ModelMetadata', 'NOT_FOUND', undefined],
    ['ModelStreamInfer', 'OK', undefined],
    ['ModelStreamInfer', 'CANCELLED', 'cancelled'],
  ]);
});

test('every call is measured by method and status, also those that never reach a handler', async () => {
  const { system, ask, stream, client, provider } = await started({ GOLEK_GRPC_MAX_MESSAGE_BYTES: '2048' });
  const bytes = (path: string, sent: Buffer) =>
    failureOf(
      new Promise((resolve, reject) => {
        client.makeUnaryRequest(
          path,
          (message: Buffer) => message,
          (message) => message,
          sent,
          (error, answer) => (error ? reject(error) : resolve(answer)),
        );
      }),
    );
  await ask('serverLive', {});
  await ask('modelInfer', message('graph', { inputs: [FP32] }));
  await failureOf(ask('modelMetadata', { name: 'tyni', version: '' }));
  await failureOf(ask('modelInfer', message('hangs', { inputs: text('hi', false) }), {}, Date.now() + 300));
  await expect.poll(() => provider.stats.active).toBe(0);
  await bytes(INFERENCE_SERVICE['modelInfer']!.path, Buffer.from([0x2a, 0xff, 0xff]));
  await bytes(INFERENCE_SERVICE['modelInfer']!.path, Buffer.alloc(4096));
  await bytes('/inference.GRPCInferenceService/Invented1', Buffer.alloc(0));
  await bytes('/invented.Service/Invented2', Buffer.alloc(0));
  const whole = stream();
  whole.on('data', () => undefined);
  whole.write(message('graph', { inputs: [FP32] }));
  whole.end();
  await once(whole, 'end');
  const left = stream();
  left.on('error', () => undefined);
  left.write(message('hangs', { inputs: text('hi', true) }));
  await once(left, 'data');
  left.cancel();
  const measured = (): string[] => {
    const metrics = system.get(METRICS).collect();
    const { points = [] } = metrics.find(({ name }) => name === 'rpc.server.call.duration') ?? {};
    const lines = points.map(({ attributes, histogram }) =>
      [
        String(attributes['rpc.method']).split('/').at(-1),
        attributes['rpc.status_code'],
        attributes['error.type'] ?? '-',
        histogram?.count,
      ].join(' '),
    );
    return lines.sort();
  };
  await expect
    .poll(measured, { timeout: 10_000 })
    .toEqual([
      'ModelInfer DEADLINE_EXCEEDED DEADLINE_EXCEEDED 1',
      'ModelInfer INTERNAL INTERNAL 1',
      'ModelInfer OK - 1',
      'ModelInfer RESOURCE_EXHAUSTED - 1',
      'ModelMetadata NOT_FOUND - 1',
      'ModelStreamInfer CANCELLED cancelled 1',
      'ModelStreamInfer OK - 1',
      'ServerLive OK - 1',
      '_OTHER UNIMPLEMENTED UNIMPLEMENTED 2',
    ]);
});

type Answers = AsyncIterator<ModelStreamInferResponse>;

/** A stream whose client has read one answer and reads no further; given once nothing moves any more. */
const unread = async ({ stream, provider }: Running): Promise<readonly [string, Answers]> => {
  const duplex = stream();
  duplex.write(message('long', { inputs: text('go on', true), parameters: { max_tokens: 50_000 } }));
  duplex.end();
  const answers = duplex[Symbol.asyncIterator]() as Answers;
  const first = await answers.next();
  let before = -1;
  const isStill = (): boolean => {
    const still = provider.stats.pulled === before;
    before = provider.stats.pulled;
    return still;
  };
  await expect.poll(isStill, { interval: 200, timeout: 20_000 }).toBe(true);
  return [saidIn(first.value as ModelStreamInferResponse), answers];
};

const saidIn = ({ inferResponse }: ModelStreamInferResponse): string =>
  String(readModelInferResponse(inferResponse!).outputs[0]?.data[0] ?? '');

test('a client that does not read stops its own run, which goes on where it was', { timeout: 60_000 }, async () => {
  const running = await started();
  const [first, answers] = await unread(running);
  const { provider, ask } = running;
  expect(provider.stats.pulled).toBeLessThan(5_000);
  expect(provider.stats.active).toBe(1);
  expect(await ask('serverLive', {})).toEqual({ live: true });
  let said = first;
  for (let next = await answers.next(); !next.done; next = await answers.next()) said += saidIn(next.value);
  expect(said).toBe(LONG);
});

test('a client that never reads loses its run', { timeout: 60_000 }, async () => {
  const running = await started({ GOLEK_HTTP_WRITE_TIMEOUT_MS: '1500' });
  const [, answers] = await unread(running);
  await expect.poll(() => running.provider.stats.active, { timeout: 20_000 }).toBe(0);
  const rest = async (): Promise<void> => {
    while (!(await answers.next()).done);
  };
  expect(await failureOf(rest())).toMatchObject({
    code: status.CANCELLED,
    details: expect.stringContaining('1500 ms'),
  });
});

test('a server that drains is not healthy, refuses new work and lets the old end', async () => {
  const { client, drain, stream, ask, provider } = await started();
  const watch = healthService['Watch'] as unknown as (typeof INFERENCE_SERVICE)[string];
  const states: string[] = [];
  const watched = client.makeServerStreamRequest<object, { status: string }>(
    watch.path,
    watch.requestSerialize,
    watch.responseDeserialize,
    { service: '' },
  );
  watched.on('error', () => undefined);
  watched.on('data', (told: { status: string }) => states.push(told.status));
  await expect.poll(() => states).toEqual(['SERVING']);
  const duplex = stream();
  duplex.write(message('slow', { inputs: text('one two three', true) }));
  const answers: ModelStreamInferResponse[] = [];
  duplex.on('data', (answer: ModelStreamInferResponse) => answers.push(answer));
  await expect.poll(() => provider.stats.active).toBe(1);
  const drained = drain();
  await expect.poll(() => states).toEqual(['SERVING', 'NOT_SERVING']);
  expect(await ask('serverReady', {})).toEqual({ ready: false });
  expect((await failureOf(ask('modelInfer', message('graph', { inputs: [FP32] })))).code).toBe(status.UNAVAILABLE);
  duplex.end();
  await once(duplex, 'end');
  expect(answers.at(-1)?.errorMessage).toBe('');
  expect(answers.at(-1)?.inferResponse?.parameters.get('triton_final_response')?.parameterChoice?.value).toBe(true);
  expect(await drained).toBe(true);
  watched.cancel();
});

test('a server that stops ends', async () => {
  const { system, client } = await started();
  await system.stop();
  const error = await new Promise((resolve) => client.waitForReady(Date.now() + 200, resolve));
  expect(error).toBeInstanceOf(Error);
});
