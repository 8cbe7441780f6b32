import { expect, test } from 'vitest';
import { BINDING_VERSION } from './binding.ts';
import { reportBinding } from './binding-report.ts';

test('llama.cpp can be loaded here and says what it uses', async () => {
  const report = await reportBinding();
  expect(report.version).toBe(BINDING_VERSION);
  expect(['cpu', 'cuda', 'vulkan', 'metal']).toContain(report.backend);
  expect(report.supported.length > 0).toBe(report.backend !== 'cpu');
  expect(report.release).not.toBe('');
});
