import { definePlugin } from '@golek/plugins-api';
import { fakeProvider } from '@golek/providers-spi/testing';
import { describe, expect, it } from 'vitest';
import { matchPath } from './match-path.ts';
import { testPlugin } from './index.ts';

const plugin = definePlugin<{ readonly word: string }>({
  name: 'tested',
  version: '1.0.0',
  options: (raw) => ({ word: (raw as { word?: string } | undefined)?.word ?? 'default' }),
  setup: (host) => {
    host.transform({
      name: 'shout',
      stream: () => ({
        event: (event) => [event.type === 'text' ? { ...event, text: event.text.toUpperCase() } : event],
      }),
    });
    host.route({
      method: 'POST',
      path: '/say/:name',
      handle: ({ params, query, body, principal }) => ({
        status: 201,
        body: `${host.options.word} ${params['name'] ?? ''} ${query.get('q') ?? ''} ${Buffer.from(body).toString()} ${principal.id}`,
      }),
    });
    host.authenticator({
      name: 'key',
      authenticate: ({ headers }) =>
        headers['key'] === undefined ? undefined : { id: 'k', tenant: 't', scopes: ['inference'] },
    });
    host.provider(fakeProvider({ id: 'own', models: { place: { answer: ['mine'] } } }));
    host.health(() => ({ status: 'degraded', reason: 'tired' }));
  },
});

describe('testPlugin', () => {
  it('runs a plugin in a kernel', async () => {
    await using test = await testPlugin(plugin, { options: { word: 'hello' } });
    expect(test.status).toMatchObject({ state: 'running', version: '1.0.0' });
    expect(await test.ask('one two')).toBe('ONE TWO');
    expect(await test.fetch({ method: 'POST', path: '/say/ada?q=1', body: 'b' })).toEqual({
      status: 201,
      headers: {},
      body: 'hello ada 1 b anonymous',
    });
    await expect(test.fetch({ path: '/say/ada' })).rejects.toMatchObject({ code: 'route_not_found' });
    expect(await test.authenticate({})).toBeUndefined();
    expect(await test.authenticate({ key: 'x' })).toMatchObject({ tenant: 't' });
    await test.register({ name: 'm', location: 'place', provider: 'own' });
    expect(await test.ask('x', 'm')).toBe('MINE');
    expect((await test.checkHealth()).health).toEqual({ status: 'degraded', reason: 'tired' });
  });

  it('says why a plugin does not start', async () => {
    const needy = definePlugin({
      name: 'needy',
      version: '1.0.0',
      requires: { tested: '^2.0.0' },
      setup: () => undefined,
    });
    await expect(testPlugin(needy, { requires: [plugin] })).rejects.toMatchObject({
      message: expect.stringContaining('^2.0.0'),
    });
  });
});

it('matches paths as the server does', () => {
  expect(matchPath('/a/:b', '/a/x%20y')).toEqual({ b: 'x y' });
  expect(matchPath('/a/*', '/a/b/c')).toEqual({ '*': 'b/c' });
  expect(matchPath('/a', '/a/b')).toBeUndefined();
  expect(matchPath('/a/b', '/a')).toBeUndefined();
});
