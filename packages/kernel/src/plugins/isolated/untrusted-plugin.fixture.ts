import { writeSync } from 'node:fs';
import { GolekError } from '@golek/api';
import { definePlugin, type Transform } from '@golek/plugins-api';

// A plugin that does what a request tells it to do, good or bad. Runs in a process of its own in tests.

interface Options {
  readonly greeting: string;
}

const never = (): Promise<never> => new Promise(() => undefined);
const hoard: unknown[] = [];

/** What a prompt makes the request transform do. */
const misbehave = async (what: string): Promise<unknown> => {
  switch (what) {
    case 'crash':
      process.abort();
      break;
    case 'exit':
      process.exit(3);
      break;
    case 'throw-outside':
      setImmediate(() => {
        throw new Error('thrown outside of any call');
      });
      return never();
    case 'reject-outside':
      void Promise.reject(new Error('rejected outside of any call'));
      return never();
    case 'busy':
      for (;;);
    case 'never':
      return never();
    case 'memory':
      for (;;) hoard.push(new Array(100_000).fill(Math.random()));
    case 'buffers':
      for (;;) {
        hoard.push(Buffer.alloc(4 * 1024 * 1024, 1));
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    case 'flood-stdout':
      for (let i = 0; i < 300; i++) process.stdout.write('noise '.repeat(10_000) + '\n');
      return undefined;
    case 'flood-messages':
      for (;;) writeSync(3, Buffer.from([0, 0, 0, 3, 0xff, 0x0f, 0x30]));
    case 'giant-header':
      writeSync(3, Buffer.from([0xff, 0xff, 0xff, 0xff]));
      return never();
    case 'garbage':
      writeSync(3, Buffer.from([0, 0, 0, 4, 1, 2, 3, 4]));
      return never();
    case 'giant-answer':
      return { request: 'x'.repeat(20 * 1024 * 1024) };
    case 'wrong-answer':
      return { request: { task: 'dance' } };
    case 'function-answer':
      return { request: () => 1 };
    case 'slow':
      await new Promise((resolve) => setTimeout(resolve, 100));
      return undefined;
    case 'throw':
      throw new RangeError('the plugin has a fault');
    case 'refuse':
      throw new GolekError('permission_denied', 'not before noon');
  }
  return undefined;
};

const textOf = (request: Parameters<NonNullable<Transform['request']>>[0]): string =>
  request.task === 'generate' && request.input.type === 'text' ? String(request.input.prompt) : '';

export default definePlugin<Options>({
  name: 'untrusted',
  version: '1.2.3',
  options: (raw) => {
    const greeting = (raw as Partial<Options> | undefined)?.greeting ?? 'hello';
    if (typeof greeting !== 'string') throw new Error('greeting has to be a text');
    return { greeting };
  },
  setup: (host) => {
    const seen: string[] = [];
    host.transform({
      name: 'mark',
      request: async (request, { id }) => {
        const text = textOf(request);
        const [verb, what] = text.split(' ');
        if (verb === 'do') {
          const result = await misbehave(what ?? '');
          if (result) return result as never;
        }
        if (verb === 'answer') {
          return {
            answer: [
              { type: 'text', choice: 0, text: host.options.greeting },
              { type: 'finish', choice: 0, reason: 'stop' },
            ],
          };
        }
        host.log.info({ request: id }, 'seen');
        return { request: { ...request, input: { type: 'text', prompt: `${text} marked` } } as typeof request };
      },
    });
    host.transform({
      name: 'shout',
      stream: (request) => {
        let held = '';
        let count = 0;
        const mode = textOf(request);
        return {
          event: (event) => {
            if (event.type !== 'text') return [event];
            count++;
            if (mode.startsWith('stream-busy') && count === 3) for (;;);
            if (mode.startsWith('stream-throw') && count === 3) throw new Error('a fault in the stream');
            if (mode.startsWith('hold')) {
              held += event.text;
              return [];
            }
            return [{ ...event, text: event.text.toUpperCase() }];
          },
          end: () => (held === '' ? [] : [{ type: 'text', choice: 0, text: `held: ${held}` }]),
        };
      },
    });
    host.phase({
      phase: 'AUDIT',
      name: 'watch',
      observe: (call) => {
        let events = 0;
        return {
          event: () => {
            events++;
          },
          end: ({ status }) => void seen.push(`${call.id} ${status} ${events}`),
        };
      },
    });
    host.route({
      method: 'POST',
      path: '/untrusted/:what',
      handle: async ({ params, body, query, principal }) => {
        if (params['what'] === 'seen') return { body: JSON.stringify(seen) };
        if (params['what'] === 'pid') return { body: String(process.pid) };
        if (params['what'] === 'stream') {
          return {
            body: (async function* () {
              yield 'a';
              yield Buffer.from('b');
            })(),
          };
        }
        if (params['what'] === 'confined')
          return { body: JSON.stringify(await (await import('./confinement-probe.fixture.ts')).probe()) };
        await misbehave(params['what'] ?? '');
        return {
          status: 201,
          headers: { 'x-tenant': principal.tenant },
          body: `${host.options.greeting} ${Buffer.from(body).toString()} ${query.get('q') ?? ''}`,
        };
      },
    });
    host.authenticator({
      name: 'ticket',
      authenticate: ({ headers }) => {
        const { ticket } = headers;
        if (ticket === undefined) return undefined;
        if (ticket !== 'good') throw new GolekError('unauthenticated', 'this ticket is not valid');
        return { id: 'guest', tenant: 'theatre', scopes: ['inference'] };
      },
    });
    host.exporter({ name: 'spans', exportSpans: (spans) => void seen.push(`spans ${spans.length}`) });
    host.on(['model.loaded'], ({ event }) => void seen.push(event.type));
    host.health(() =>
      seen.includes('model.loaded') ? { status: 'degraded', reason: 'a model came' } : { status: 'ok' },
    );
    host.onStart(() => void seen.push('started'));
    host.onStop(() => void process.stderr.write('last words of the plugin\n'));
  },
});
