import { fileURLToPath } from 'node:url';
import { configurationJsonSchema } from '@golek/system';
import { expect, test } from 'vitest';
import { PLATFORM_SECTIONS } from '../config/platform-config.ts';
import { COLUMNS } from './columns.fixture.ts';
import { pairsPage } from './page.fixture.ts';

test('docs/reference/pairs.md is current', async () => {
  const page = fileURLToPath(new URL('../../../../docs/reference/pairs.md', import.meta.url));
  await expect(pairsPage()).toMatchFileSnapshot(page);
});

test('every type of upstream has a column', () => {
  const names = COLUMNS.map(({ name }) => name);
  const schema = configurationJsonSchema(PLATFORM_SECTIONS) as {
    readonly properties: {
      readonly upstreams: { readonly items: { readonly properties: { readonly type: { readonly enum: string[] } } } };
    };
  };
  const types = schema.properties.upstreams.items.properties.type.enum;
  expect(types.length).toBeGreaterThan(3);
  expect(names).toEqual(expect.arrayContaining(types));
});
