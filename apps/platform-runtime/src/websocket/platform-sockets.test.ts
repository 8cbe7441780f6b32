import { expect, test } from 'vitest';
import { startGolek, startScripted } from '../running-golek.fixture.ts';
import { TestClient } from './websocket.fixture.ts';

test('the platform has WebSockets: a request ends by its id, metrics count the sockets', async () => {
  await using golek = await startScripted({ tiny: { hang: { at: 2 } } });
  const { url } = golek;
  const client = await TestClient.open(url);
  client.chat('a');
  const { request_id: id } = await client.get('started', 'a');
  expect(await (await fetch(`${url}/metrics`)).text()).toMatch(/^golek_websocket_sockets(?:\{[^}]*\})? 1$/m);
  const answer = await fetch(`${url}/v1/requests/${id}`, { method: 'DELETE' });
  expect(await answer.json()).toEqual({ id, cancelled: 1 });
  expect(await client.end('a')).toMatchObject({ type: 'error', code: 'cancelled', request_id: id });
  expect(golek.inFlight()).toBe(0);
});

test('limits come from the configuration, those of a tenant from its own', async () => {
  await using golek = await startGolek({
    models: { bundled: false },
    websocket: { maxSockets: 3, maxSocketsPerTenant: 2, maxRequests: 7 },
    tenants: { default: { 'websocket.maxSocketsPerTenant': 1 } },
  });
  const client = await TestClient.open(golek.url);
  await expect(TestClient.open(golek.url)).rejects.toThrow('429');
  client.ws.close();
  await client.closed;
});
