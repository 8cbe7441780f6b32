import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { createIsolatedOnnxProvider } from './index.ts';
import { identityModel } from './onnx-writer.fixture.ts';
import { float32 } from './tensors.fixture.ts';
import { failure, never, run, TestProvider } from './test-session.fixture.ts';

const tests = new TestProvider(createIsolatedOnnxProvider({ threads: 1, executionProvider: 'cpu' }));
const spec = identityModel({ name: 'x', dims: ['n'] }, { name: 's', element: 'string', dims: ['n'] });

test('tensors cross the border both ways', async () => {
  await using session = await tests.open(spec);
  const many = Float32Array.from({ length: 1 << 20 }, (_, i) => i);
  const texts = Array.from(many.subarray(0, 3), String);
  const [numbers, strings] = await run(session, [
    float32('x', [1 << 20], many),
    { name: 's', type: 'BYTES', shape: [3], data: texts },
  ]);
  expect(numbers).toEqual(float32('out_x', [1 << 20], many));
  expect(strings).toEqual({ name: 'out_s', type: 'BYTES', shape: [3], data: texts });
});

test('refusals keep their code, message and details', async () => {
  await using session = await tests.open(identityModel({ name: 'x', dims: ['n'] }));
  const error = await failure(run(session, [float32('y', [1], [1])]), 'invalid_request');
  expect(error.details).toMatchObject({ field: 'inputs', input: 'y', known: ['x'] });
  await failure(tests.open('/nowhere/none.onnx'), 'model_not_found');
  await failure(() => createIsolatedOnnxProvider({ treads: 1 } as never), 'config_invalid');
});

test(
  'this process never loads the runtime, and loading and closing models leaves it as it was',
  { timeout: 180_000 },
  async () => {
    const weights = [{ name: 'w', element: 'float' as const, dims: [4 << 20], raw: new Uint8Array(16 << 20) }];
    const location = await tests.write({
      inputs: [{ name: 'x', dims: [1] }],
      outputs: [{ name: 'y', dims: [4 << 20] }],
      nodes: [{ op: 'Mul', inputs: ['x', 'w'], outputs: ['y'] }],
      weights,
    });
    const cycle = async (): Promise<void> => {
      await using session = await tests.provider.open({ name: 'm', location }, { signal: never });
      await run(session, [float32('x', [1], [2])]);
    };
    for (let i = 0; i < 3; i++) await cycle();
    globalThis.gc?.();
    const before = process.memoryUsage().rss;
    for (let i = 0; i < 20; i++) await cycle();
    globalThis.gc?.();
    expect((process.memoryUsage().rss - before) / 2 ** 20).toBeLessThan(60);
    if (process.platform === 'linux') expect(await readFile('/proc/self/maps', 'utf8')).not.toContain('onnxruntime');
  },
);
