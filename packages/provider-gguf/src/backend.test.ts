import { expect, test } from 'vitest';
import { GgufProvider } from './provider.ts';

test('the CPU in place of a GPU is said', async () => {
  const lines: string[] = [];
  const keep = (_fields: object, message: string): number => lines.push(message);
  const provider = new GgufProvider({ gpu: 'auto', log: { debug: keep, info: keep, warn: keep, error: keep } });
  const backend = await provider.backend();
  if (backend === 'cpu') expect(lines.join('\n')).toContain('models run on the CPU');
  else expect(['cuda', 'vulkan', 'metal']).toContain(backend);
  await provider[Symbol.asyncDispose]();
});
