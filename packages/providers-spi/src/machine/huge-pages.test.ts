import { expect, test } from 'vitest';
import { hugePagesOf, readHugePages } from './huge-pages.ts';

test.each([
  ['always [madvise] never\n', '2.36', true, 'engine processes ask for them'],
  ['always [madvise] never\n', '3.0', true, 'engine processes ask for them'],
  ['[always] madvise never\n', undefined, true, 'the system gives them to every process'],
  ['always madvise [never]\n', '2.36', false, 'enabled says never'],
  ['always [madvise] never\n', '2.31', false, 'glibc 2.31, before 2.35, does not ask'],
  ['always [madvise] never\n', undefined, false, 'another C library than glibc does not ask'],
  ['', '2.36', false, 'has no transparent huge pages'],
  ['[something] else', '2.36', false, 'has no transparent huge pages'],
])('a system that says %j with glibc %s', (setting, glibc, used, why) => {
  const found = hugePagesOf(setting, glibc);
  expect(found.used).toBe(used);
  expect(found.why).toContain(why);
});

test('this machine is read', () => {
  const { mode, used } = readHugePages();
  if (mode === 'always') expect(used).toBe(true);
  if (mode === 'never' || mode === undefined) expect(used).toBe(false);
});
