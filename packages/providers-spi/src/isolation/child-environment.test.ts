import { afterEach, expect, test, vi } from 'vitest';
import { childEnvironment } from './child-environment.ts';

afterEach(() => vi.unstubAllEnvs());

test('a child gets what it needs to find things, what its provider adds, and no secrets', () => {
  vi.stubEnv('PATH', '/bin');
  vi.stubEnv('OPENAI_API_KEY', 'secret');
  vi.stubEnv('NODE_OPTIONS', '--inspect');
  vi.stubEnv('GLIBC_TUNABLES', undefined);
  expect(childEnvironment({ GGML_NO_BACKTRACE: '1' })).toMatchObject({ PATH: '/bin', GGML_NO_BACKTRACE: '1' });
  expect(Object.keys(childEnvironment())).not.toContain('OPENAI_API_KEY');
  expect(Object.keys(childEnvironment())).not.toContain('NODE_OPTIONS');
  expect(Object.keys(childEnvironment())).not.toContain('GLIBC_TUNABLES');
});

test("settings of the C library: the operator's come last, where they count", () => {
  const added = { GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1' };
  vi.stubEnv('GLIBC_TUNABLES', undefined);
  expect(childEnvironment(added)).toMatchObject(added);
  vi.stubEnv('GLIBC_TUNABLES', 'glibc.malloc.hugetlb=0');
  expect(childEnvironment(added)['GLIBC_TUNABLES']).toBe('glibc.malloc.hugetlb=1:glibc.malloc.hugetlb=0');
  expect(childEnvironment()['GLIBC_TUNABLES']).toBe('glibc.malloc.hugetlb=0');
});
