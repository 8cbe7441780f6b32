import { providerContract, type ProviderContractSetup } from '@golek/providers-spi/testing';
import { createIsolatedOnnxProvider, createOnnxProvider } from './index.ts';
import type { ModelSpec } from './onnx-writer.fixture.ts';
import { float32 } from './tensors.fixture.ts';
import { TestProvider } from './test-session.fixture.ts';

/** One event for each output. */
const OUTPUTS = Array.from({ length: 250 }, (_, i) => `y${i}`);

const manyOutputs: ModelSpec = {
  inputs: [{ name: 'x', element: 'float', dims: ['n'] }],
  outputs: OUTPUTS.map((name) => ({ name, element: 'float', dims: ['n'] })),
  nodes: OUTPUTS.map((name) => ({ op: 'Abs', inputs: ['x'], outputs: [name] })),
};

const location = await new TestProvider().write(manyOutputs);

const setup: Omit<ProviderContractSetup, 'create'> = {
  source: { name: 'm', location },
  missing: { name: 'none', location: '/nowhere/none.onnx' },
  request: (variant) => ({
    task: 'tensor',
    model: 'm',
    inputs: [float32('x', [variant + 1], [variant, -1, -2, 3].slice(0, variant + 1))],
    outputs: ['y0', 'y7'],
  }),
  longRequest: () => ({ task: 'tensor', model: 'm', inputs: [float32('x', [1], [-1])] }),
};

await providerContract('ONNX in process', { ...setup, create: () => createOnnxProvider({ threads: 1 }) });
await providerContract('ONNX in a process of its own', {
  ...setup,
  create: () => createIsolatedOnnxProvider({ threads: 1 }),
});
