import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test, vi } from 'vitest';
import { createOnnxProvider, reportRuntime } from './index.ts';
import { identityModel, modelBytes, type ModelSpec } from './onnx-writer.fixture.ts';
import { float32 } from './tensors.fixture.ts';
import { failure, never, run, TestProvider } from './test-session.fixture.ts';

const tests = new TestProvider();
const identity = identityModel({ name: 'x', dims: ['n'] });

/** Multiplies its input with itself so often that a run takes a while. */
const slow: ModelSpec = {
  inputs: [{ name: 'x', dims: ['n', 'n'] }],
  outputs: [{ name: 'y', dims: ['n', 'n'] }],
  nodes: Array.from({ length: 20 }, (_, i) => ({
    op: 'MatMul',
    inputs: [i === 0 ? 'x' : `m${i - 1}`, 'x'],
    outputs: [i === 19 ? 'y' : `m${i}`],
  })),
};
const square = float32('x', [128, 128], new Float32Array(128 * 128));

test('wrong options are refused with the nearest known key and the allowed values', async () => {
  const unknown = await failure(() => createOnnxProvider({ treads: 1 } as never), 'config_invalid');
  expect(unknown.message).toContain("did you mean 'threads'?");
  const value = await failure(() => createOnnxProvider({ graphOptimization: 'most' as never }), 'config_invalid');
  expect(value.message).toContain(
    "'graphOptimization' must be one of 'disabled', 'basic', 'extended', 'layout', 'all'",
  );
  const ofModel = await failure(tests.open(identity, { threads: 0 }), 'config_invalid');
  expect(ofModel.message).toContain(
    "options of the model 'm': 'threads' must be a whole number from 1 to 1024 (got 0)",
  );
});

test.each(['disabled', 'basic', 'extended', 'layout', 'all'] as const)(
  'loads with the optimisation %s',
  async (graphOptimization) => {
    await using session = await tests.open(slow, { graphOptimization, interOpThreads: 2 });
    expect(await run(session, [square])).toHaveLength(1);
  },
);

test('types that the binding cannot pass are refused at load, before it sees the file', async () => {
  for (const spec of [
    identityModel({ name: 'x', element: 'bfloat16', dims: [1] }),
    { ...identity, inputs: [{ name: 'x', type: 'zipmap' as const }] },
  ]) {
    const error = await failure(tests.open(spec), 'unsupported');
    expect(error.message).toMatch(/input 'x' of the type (tensor\(bfloat16\)|seq\(map\(int64, tensor\(float\)\)\))/);
    expect(error.message).toContain('export the model');
  }
});

test('a graph that the runtime cannot load is refused in its words', async () => {
  const error = await failure(
    tests.open({ ...identity, nodes: [{ op: 'Nonsense', inputs: ['x'], outputs: ['out_x'] }] }),
    'model_invalid',
  );
  expect(error.message).toContain('ONNX Runtime cannot load');
  expect(error.message).toContain('Nonsense');
});

test('files that are changed anywhere are loaded or refused, and the next one loads', async () => {
  const original = modelBytes(slow);
  const file = path.join(await tests.folder(), 'mutated.onnx');
  let refused = 0;
  for (let round = 0; round < 300; round++) {
    const mutated = Buffer.from(original);
    mutated[(round * 2_654_435_761) % mutated.length] = (round * 97) % 256;
    await writeFile(file, mutated);
    try {
      await using session = await tests.open(file);
      await run(session, [square]).catch((error: unknown) => {
        expect(error).toMatchObject({ code: expect.stringMatching(/^(invalid_request|unsupported)$/) });
      });
    } catch (error) {
      expect(error).toMatchObject({ code: expect.stringMatching(/^(model_invalid|unsupported)$/) });
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(50);
  await using session = await tests.open(identity);
  expect(await run(session, [float32('x', [1], [1])])).toHaveLength(1);
});

test('an execution provider that does not work here is an error with those that do', async () => {
  const { executionProviders, version } = reportRuntime();
  expect(version).toBe('1.30.0');
  expect(executionProviders.at(-1)).toBe('cpu');
  const missing = (['cuda', 'dml', 'coreml'] as const).find((name) => !executionProviders.includes(name));
  if (!missing) return;
  const error = await failure(tests.open(identity, { executionProvider: missing }), 'unsupported');
  expect(error.message).toContain(`cannot run with the execution provider '${missing}' here`);
  expect(error.details).toMatchObject({ option: 'executionProvider', known: executionProviders });
});

test("'auto' says in the log where a model runs when that is the CPU", async () => {
  const info = vi.fn();
  const log = { debug: vi.fn(), info, warn: vi.fn(), error: vi.fn() };
  await using provider = createOnnxProvider({ threads: 1, log });
  await using session = await provider.open({ name: 'm', location: await tests.write(identity) }, { signal: never });
  if (session.capabilities.device !== 'cpu') return;
  expect(info).toHaveBeenCalledWith(
    expect.objectContaining({ model: 'm' }),
    expect.stringContaining('runs on the CPU'),
  );
});

test('a graph is warmed up on zeros; one that cannot work on them says so and is open all the same', async () => {
  const lines: string[] = [];
  const info = (fields: object, message: string): void => void lines.push(`${JSON.stringify(fields)} ${message}`);
  const log = { debug: vi.fn(), info, warn: vi.fn(), error: vi.fn() };
  await using provider = createOnnxProvider({ threads: 1, executionProvider: 'cpu', warmUp: true, log });
  const open = async (spec: ModelSpec): Promise<string[]> => {
    lines.length = 0;
    await using session = await provider.open({ name: 'm', location: await tests.write(spec) }, { signal: never });
    expect(session.health().status).toBe('ok');
    return [...lines];
  };
  expect(await open(identityModel({ name: 'x', dims: ['n', 3] }, { name: 's', element: 'string', dims: [] }))).toEqual(
    [],
  );
  expect(await open(identityModel({ name: 'x' }))).toEqual([expect.stringContaining('may have any shape')]);
  const product: ModelSpec = {
    inputs: [
      { name: 'a', dims: ['n', 2] },
      { name: 'b', dims: ['n', 2] },
    ],
    outputs: [{ name: 'y', dims: ['n', 2] }],
    nodes: [{ op: 'MatMul', inputs: ['a', 'b'], outputs: ['y'] }],
  };
  expect(await open(product)).toEqual([expect.stringContaining('cannot work on zeros')]);
});

test('runs wait in order, up to the limit; an abort takes one out of the queue', async () => {
  await using session = await tests.open(slow, { queueLimit: 3 });
  const order: number[] = [];
  const client = new AbortController();
  const answers = Array.from({ length: 4 }, (_, i) =>
    run(session, [square], i === 2 ? { signal: client.signal } : {}).then((outputs) => {
      order.push(i);
      return outputs;
    }),
  );
  await failure(run(session, [square]), 'overloaded');
  expect(session.health().load).toEqual({ running: 1, waiting: 3 });
  client.abort();
  await failure(answers[2] ?? Promise.resolve(), 'cancelled');
  await Promise.all(answers.filter((_, i) => i !== 2));
  expect(order).toEqual([0, 1, 3]);
  expect(session.health()).toEqual({ status: 'ok', load: { running: 0, waiting: 0 } });
});

test('a model is closed while runs wait: the one in work ends first, all are told', async () => {
  const session = await tests.open(slow);
  const answers = [0, 1, 2].map(() => run(session, [square]));
  const told = Promise.all(answers.map((answer) => failure(answer, 'shutting_down')));
  await session[Symbol.asyncDispose]();
  await told;
  await failure(run(session, [square]), 'shutting_down');
});
