import { expect, test } from 'vitest';
import { startListingServer } from '../models/listing-server.fixture.ts';
import { golek } from './spawn-cli.fixture.ts';

test('golek models list shows what a service lists, and says which service did not answer', async () => {
  await using farm = await startListingServer(['one', 'two']);
  await using away = await startListingServer();
  const upstreams = [
    { id: 'farm', baseUrl: farm.url, models: { prefix: 'farm/' } },
    { id: 'away', baseUrl: away.url, models: 'all' },
  ];
  const { code, out, err } = await golek(['models', 'list'], '', { GOLEK_UPSTREAMS: JSON.stringify(upstreams) });
  expect(out).toMatch(/^farm\/one .* discovered$/m);
  expect(out).toMatch(/^golek-tiny \* .* bundled$/m);
  expect(err).toContain("golek: the models of the upstream 'away' are not known: ");
  expect(code).toBe(0);
});
