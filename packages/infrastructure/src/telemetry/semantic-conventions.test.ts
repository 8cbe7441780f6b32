import { readFileSync } from 'node:fs';
import { ATTR, METRIC, SEMANTIC_CONVENTIONS_VERSION } from '@golek/kernel';
import * as conventions from '@opentelemetry/semantic-conventions/incubating';
import { expect, test } from 'vitest';

const names = new Set<unknown>(Object.values(conventions));

test.each(Object.values({ ...ATTR, ...METRIC }))('%s is a name of the conventions', (name) => {
  expect(names.has(name)).toBe(true);
});

test('the version that is named is the one that was compared', () => {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const { devDependencies } = JSON.parse(manifest) as { readonly devDependencies: Readonly<Record<string, string>> };
  expect(devDependencies['@opentelemetry/semantic-conventions']).toBe(SEMANTIC_CONVENTIONS_VERSION);
});
