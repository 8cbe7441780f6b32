import assert from 'node:assert/strict';
import { it } from 'node:test';
import { testPlugin } from '@golek/kernel/testing';
import plugin from '../src/index.ts';

const options = { callers: [{ key: 'a-key-of-16-letters', id: 'ada', tenant: 'acme', scopes: ['inference'] }] };

it('knows a caller by the key', async () => {
  await using test = await testPlugin(plugin, { options });
  assert.deepEqual(await test.authenticate({ 'x-api-key': 'a-key-of-16-letters' }), {
    id: 'ada',
    tenant: 'acme',
    scopes: ['inference'],
  });
});

it('leaves other credentials to others', async () => {
  await using test = await testPlugin(plugin, { options });
  assert.equal(await test.authenticate({ authorization: 'Bearer x' }), undefined);
});

it('refuses a key that it does not know', async () => {
  await using test = await testPlugin(plugin, { options });
  await assert.rejects(test.authenticate({ 'x-api-key': 'another' }), { code: 'unauthenticated' });
});

it('says when nobody can be known', async () => {
  await using test = await testPlugin(plugin, { options: { callers: [] } });
  assert.equal((await test.checkHealth()).health?.status, 'degraded');
});

it('refuses short keys without telling them', async () => {
  const short = { callers: [{ key: 'secret', id: 'ada' }] };
  await assert.rejects(testPlugin(plugin, { options: short }), (error: Error) => {
    assert.match(error.message, /callers\.0.*16 characters/);
    assert.doesNotMatch(error.message, /secret/);
    return true;
  });
});
