import fc from 'fast-check';
import { expect, test } from 'vitest';
import { GolekError, type NamedTensor } from '@golek/providers-spi';
import { identityModel } from './onnx-writer.fixture.ts';
import { float32 } from './tensors.fixture.ts';
import { run, TestProvider } from './test-session.fixture.ts';

const tests = new TestProvider();

const TYPES = ['FP32', 'FP16', 'FP64', 'INT8', 'INT64', 'UINT16', 'BOOL', 'BYTES'] as const;
const size = fc.oneof(fc.nat({ max: 4 }), fc.constantFrom(2 ** 31, 2 ** 53 - 1));
const tensor: fc.Arbitrary<NamedTensor> = fc.record({
  name: fc.oneof(fc.constantFrom('x', 's', 'b', '__proto__', 'constructor'), fc.string({ minLength: 1, maxLength: 4 })),
  type: fc.constantFrom(...TYPES),
  shape: fc.array(size, { maxLength: 3 }),
  data: fc.oneof(
    fc.uint8Array({ maxLength: 64 }).map((bytes) => Uint8Array.from(bytes)),
    fc.array(fc.string({ maxLength: 4 }), { maxLength: 4 }),
  ),
});

test('1,000 random requests are answered or refused by name, and the model goes on', { timeout: 120_000 }, async () => {
  await using session = await tests.open(
    identityModel(
      { name: 'x', dims: ['n'] },
      { name: 's', element: 'string' },
      { name: 'b', element: 'bool', dims: [1, 'n'] },
    ),
  );
  const request = fc.record({
    inputs: fc.array(tensor, { maxLength: 5 }),
    outputs: fc.option(fc.array(fc.constantFrom('out_x', 'out_s', 'x', '__proto__'), { maxLength: 3 }), {
      nil: undefined,
    }),
  });
  await fc.assert(
    fc.asyncProperty(request, async ({ inputs, outputs }) => {
      const outcome = await run(session, inputs, outputs && { outputs }).catch((error: unknown) => error);
      if (Array.isArray(outcome)) return;
      expect(outcome).toBeInstanceOf(GolekError);
      expect(outcome).toMatchObject({ code: 'invalid_request' });
    }),
    { numRuns: 1_000 },
  );
  const good: NamedTensor[] = [
    float32('x', [1], [1]),
    { name: 's', type: 'BYTES', shape: [], data: ['a'] },
    { name: 'b', type: 'BOOL', shape: [1, 1], data: Uint8Array.of(1) },
  ];
  expect(await run(session, good)).toHaveLength(3);
});
