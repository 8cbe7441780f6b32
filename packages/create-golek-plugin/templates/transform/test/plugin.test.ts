import assert from 'node:assert/strict';
import { it } from 'node:test';
import { testPlugin } from '@golek/kernel/testing';
import plugin from '../src/index.ts';

it('shouts', async () => {
  await using test = await testPlugin(plugin);
  assert.equal(test.status.state, 'running');
  assert.equal(await test.ask('hello there'), 'HELLO THERE');
});

it('puts its suffix after each answer', async () => {
  await using test = await testPlugin(plugin, { options: { suffix: '!' } });
  assert.equal(await test.ask('hello'), 'HELLO!');
});

it('has a route that counts', async () => {
  await using test = await testPlugin(plugin);
  await test.ask('one');
  const { status, body } = await test.fetch({ path: '/{{id}}/hello' });
  assert.equal(status, 200);
  assert.deepEqual(JSON.parse(body), { hello: 'anonymous', answers: 1, failures: 0 });
});

it('tells how it is', async () => {
  const models = { broken: { fail: { at: 0, code: 'provider_failed', message: 'broken' } } } as const;
  await using test = await testPlugin(plugin, { models });
  assert.equal((await test.checkHealth()).health?.status, 'ok');
  await assert.rejects(test.ask('x', 'broken'));
  assert.equal((await test.checkHealth()).health?.status, 'degraded');
});

it('refuses options that it does not know', async () => {
  await assert.rejects(testPlugin(plugin, { options: { sufix: '!' } }), /unknown option 'sufix'/);
});
