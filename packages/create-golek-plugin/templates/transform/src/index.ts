import { definePlugin } from '@golek/plugins-api';
import { parseOptions } from './options.ts';

export default definePlugin({
  name: '{{name}}',
  version: '0.1.0',
  options: parseOptions,
  setup: (host) => {
    const { suffix } = host.options;
    let answers = 0;
    let failures = 0;

    host.transform({
      name: 'shout',
      // On the way in: the request to go on with. Throw GolekError of @golek/api to refuse it, or give { answer } to answer it here.
      request: (request) => {
        if (request.task !== 'generate') return { request };
        return { request: { ...request, sampling: { ...request.sampling, temperature: 0 } } };
      },
      // On the way out: what is passed on in place of each event. This closure is made anew for each answer.
      stream: () => ({
        event: (event) => {
          if (event.type === 'text') return [{ ...event, text: event.text.toUpperCase() }];
          if (event.type === 'finish' && suffix !== '') {
            return [{ type: 'text', choice: event.choice, text: suffix }, event];
          }
          return [event];
        },
      }),
    });

    // Told of every call, also of those that fail.
    host.phase({
      phase: 'OBSERVABILITY',
      name: 'count',
      observe: () => ({
        end: ({ status }) => {
          if (status === 'completed') answers += 1;
          else if (status === 'failed') failures += 1;
        },
      }),
    });

    host.route({
      method: 'GET',
      path: '/{{id}}/:greeting',
      handle: ({ params, principal }) => ({
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ [params['greeting'] ?? 'hello']: principal.id, answers, failures }),
      }),
    });

    host.health(() =>
      failures > answers
        ? { status: 'degraded', reason: `${failures} of ${failures + answers} requests failed` }
        : { status: 'ok' },
    );
  },
});
