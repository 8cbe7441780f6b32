import { platform } from 'node:os';
import { expect, test } from 'vitest';
import { BINDING_VERSION } from './binding.ts';
import { reportBinding } from './binding-report.ts';

test('llama.cpp can be loaded here and says what it uses', async () => {
  const report = await reportBinding();
  expect(report.version).toBe(BINDING_VERSION);
  expect(['cpu', 'cuda', 'vulkan', 'metal']).toContain(report.backend);
  expect(report.supported.length > 0).toBe(report.backend !== 'cpu');
  expect(report.release).not.toBe('');
  expect(report.own).toBe(false);
  expect(report.features.length).toBeGreaterThan(0);
});

test('each GPU back end that is not used has a reason', async () => {
  const { gpus, possible, backend } = await reportBinding();
  expect(gpus.map((gpu) => gpu.backend)).toEqual(possible);
  for (const gpu of gpus) {
    expect(gpu.used).toBe(gpu.backend === backend);
    if (gpu.used) expect(gpu).not.toHaveProperty('reason');
    else expect(gpu.reason).toMatch(gpu.driver ? /binary|preferred/ : /no driver/);
  }
});

test.runIf(platform() === 'linux' && process.arch === 'x64')('the binary and its variant are named', async () => {
  const { binary, cpuVariant } = await reportBinding();
  expect(binary).toMatch(/llama-addon\.node$/);
  expect(cpuVariant).toMatch(/^\w+$/);
});
