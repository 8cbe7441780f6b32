import { createHash, timingSafeEqual } from 'node:crypto';
import { GolekError } from '@golek/api';
import { definePlugin } from '@golek/plugins-api';
import { parseOptions } from './options.ts';

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

export default definePlugin({
  name: '{{name}}',
  version: '0.1.0',
  options: parseOptions,
  setup: (host) => {
    const callers = host.options.callers.map(({ key, ...caller }) => ({ ...caller, digest: digest(key) }));

    host.authenticator({
      name: 'api-key',
      authenticate: ({ headers }) => {
        const key = headers['x-api-key'];
        // Not this kind of credentials: the next authenticator is asked.
        if (typeof key !== 'string') return undefined;
        const given = digest(key);
        // Digests have one length, and comparing them takes one time, whatever the key is.
        const caller = callers.find((each) => timingSafeEqual(each.digest, given));
        if (!caller) throw new GolekError('unauthenticated', 'the key in x-api-key is not known');
        const { id, tenant, scopes } = caller;
        return { id, tenant, scopes: [...scopes] };
      },
    });

    host.health(() =>
      callers.length > 0 ? { status: 'ok' } : { status: 'degraded', reason: 'no callers are configured' },
    );
  },
});
