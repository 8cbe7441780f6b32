import { describe, expect, test } from 'vitest';
import { createSystem, LOG } from '../system.ts';
import type { SystemModule } from '../system-module.ts';
import type { ServiceRegistrar } from './registration.ts';
import { override } from './service-registry.ts';
import { collectionToken, serviceToken } from './service-token.ts';

const DATABASE = serviceToken<string>('database');
const CACHE = serviceToken<string>('cache');
const SERVER = serviceToken<string>('server');
const EXPORTERS = collectionToken<string>('exporters');

const module = (name: string, register: (registrar: ServiceRegistrar) => void): SystemModule => ({ name, register });

/** A service that writes down what happens to it. */
const traced = (trace: string[], name: string) => ({
  create: (...needs: unknown[]) => {
    trace.push(`create ${name}(${needs.map(String).join(',')})`);
    return name;
  },
  start: async () => {
    await Promise.resolve();
    trace.push(`start ${name}`);
  },
  stop: async () => {
    await Promise.resolve();
    trace.push(`stop ${name}`);
  },
});

describe('order', () => {
  test('starts in the order of needs, whatever the order of registration, and stops in reverse order of start', async () => {
    const trace: string[] = [];
    const system = createSystem({
      modules: [
        module('http', (r) => {
          r.register({ token: SERVER, needs: [CACHE, EXPORTERS], ...traced(trace, 'server') });
        }),
        module('state', (r) => {
          r.register({ token: CACHE, needs: [DATABASE], ...traced(trace, 'cache') });
          r.register({ token: DATABASE, ...traced(trace, 'database') });
        }),
        module('metrics', (r) => {
          r.contribute({ to: EXPORTERS, name: 'a', ...traced(trace, 'a') });
          r.contribute({ to: EXPORTERS, name: 'b', needs: [DATABASE], ...traced(trace, 'b') });
        }),
      ],
    });
    expect(trace).toEqual([]);
    await system.start();
    expect(trace).toEqual([
      'create database()',
      'start database',
      'create cache(database)',
      'start cache',
      'create a()',
      'start a',
      'create b(database)',
      'start b',
      'create server(cache,a,b)',
      'start server',
    ]);
    expect(system.state).toBe('running');
    expect(system.get(SERVER)).toBe('server');
    expect(system.get(EXPORTERS)).toEqual(['a', 'b']);
    trace.length = 0;
    await system.stop();
    expect(trace).toEqual(['stop server', 'stop b', 'stop a', 'stop cache', 'stop database']);
  });

  test('a service is made once for all that need it', async () => {
    let made = 0;
    const OBJECT = serviceToken<{ readonly id: number }>('object');
    const FIRST = serviceToken<{ readonly id: number }>('first');
    const SECOND = serviceToken<{ readonly id: number }>('second');
    await using system = createSystem({
      modules: [
        module('m', (r) => {
          r.register({ token: OBJECT, create: async () => Promise.resolve({ id: ++made }) });
          r.register({ token: FIRST, needs: [OBJECT], create: (object) => object });
          r.register({ token: SECOND, needs: [OBJECT], create: (object) => object });
        }),
      ],
    });
    await system.start();
    expect(system.get(FIRST)).toBe(system.get(SECOND));
    expect(made).toBe(1);
  });

  test('a collection without contributions is empty', async () => {
    await using system = createSystem({
      modules: [
        module('m', (r) => r.register({ token: SERVER, needs: [EXPORTERS], create: (all) => `n${all.length}` })),
      ],
    });
    await system.start();
    expect(system.get(SERVER)).toBe('n0');
  });
});

describe('modules that do not fit', () => {
  const compose =
    (...modules: SystemModule[]) =>
    () =>
      createSystem({ modules });

  test('a missing need names who needs it, what is missing, and a similar name', () => {
    const wanted = serviceToken<string>('databse');
    const compose_ = compose(
      module('state', (r) => r.register({ token: DATABASE, create: () => 'd' })),
      module('http', (r) => r.register({ token: SERVER, needs: [wanted], create: () => 's' })),
    );
    expect(compose_).toThrow(
      "service 'server' (module 'http') needs 'databse', which no module registers; add the module that registers it (registered and similar: 'database')",
    );
    expect(compose_).toThrow(expect.objectContaining({ code: 'composition_invalid' }));
  });

  test('a second token of the same name is told apart', () => {
    const twin = serviceToken<string>('database');
    expect(
      compose(
        module('state', (r) => r.register({ token: DATABASE, create: () => 'd' })),
        module('http', (r) => r.register({ token: SERVER, needs: [twin], create: () => 's' })),
      ),
    ).toThrow(/registered under another token/);
  });

  test('a circle names all its members', () => {
    expect(
      compose(
        module('a', (r) => r.register({ token: SERVER, needs: [CACHE], create: () => '' })),
        module('b', (r) => r.register({ token: CACHE, needs: [DATABASE], create: () => '' })),
        module('c', (r) => r.register({ token: DATABASE, needs: [CACHE], create: () => '' })),
      ),
    ).toThrow(
      "services need each other in a circle: 'cache' (module 'b') → 'database' (module 'c') → 'cache' (module 'b')",
    );
  });

  test('a service that needs itself is a circle', () => {
    expect(compose(module('a', (r) => r.register({ token: CACHE, needs: [CACHE], create: (c) => c })))).toThrow(
      /circle: 'cache' \(module 'a'\) → 'cache'/,
    );
  });

  test('a circle through a collection is found', () => {
    expect(
      compose(
        module('a', (r) => {
          r.contribute({ to: EXPORTERS, name: 'x', needs: [CACHE], create: () => '' });
          r.register({ token: CACHE, needs: [EXPORTERS], create: () => '' });
        }),
      ),
    ).toThrow(/exporters\/x.*cache.*exporters\/x/);
  });

  test('two modules with one service, and two of one name', () => {
    const one = module('one', (r) => r.register({ token: CACHE, create: () => '' }));
    expect(compose(one, { ...one, name: 'two' })).toThrow(
      "modules 'one' and 'two' both register the service 'cache'; use one of them, or an override",
    );
    expect(compose(one, one)).toThrow("two modules are named 'one'");
  });

  test('registering a collection as a service', () => {
    expect(compose(module('m', (r) => r.register({ token: EXPORTERS, create: () => [] })))).toThrow(/collection/);
  });
});

describe('overrides', () => {
  const stopped: string[] = [];
  const modules = [
    module('m', (r) => {
      r.register({ token: CACHE, needs: [DATABASE], create: () => 'real', stop: () => void stopped.push('cache') });
      r.register({ token: SERVER, needs: [CACHE], create: (cache) => `server on ${cache}` });
      r.contribute({ to: EXPORTERS, name: 'x', create: () => 'real' });
    }),
  ];

  test('replace a service, so that its own needs are no longer needed, and are not stopped', async () => {
    const system = createSystem({ modules, overrides: [override(CACHE, 'fake'), override(EXPORTERS, ['one', 'two'])] });
    await system.start();
    expect(system.get(SERVER)).toBe('server on fake');
    expect(system.get(EXPORTERS)).toEqual(['one', 'two']);
    await system.stop();
    expect(stopped).toEqual([]);
  });

  test('an override of nothing is an error', () => {
    const overrides = [override(serviceToken<string>('nothing'), 'x')];
    expect(() => createSystem({ modules: [], overrides })).toThrow("the override of 'nothing' replaces nothing");
  });
});

describe('failures', () => {
  const failing = (trace: string[], broken: 'create' | 'start') => [
    module('m', (r) => {
      r.register({ token: DATABASE, ...traced(trace, 'database') });
      r.register({
        token: CACHE,
        needs: [DATABASE],
        ...traced(trace, 'cache'),
        [broken]: () => Promise.reject(new Error('no space left')),
      });
      r.register({ token: SERVER, needs: [CACHE], ...traced(trace, 'server') });
    }),
  ];

  test('a failing create stops what had started', async () => {
    const trace: string[] = [];
    const system = createSystem({ modules: failing(trace, 'create') });
    await expect(system.start()).rejects.toMatchObject({
      code: 'internal',
      message: "service 'cache' (module 'm') could not start: no space left",
    });
    expect(trace).toEqual(['create database()', 'start database', 'stop database']);
    expect(system.state).toBe('stopped');
    expect(() => system.get(DATABASE)).toThrow(/is not running/);
  });

  test('a failing start stops also the service that failed, which exists already', async () => {
    const trace: string[] = [];
    await expect(createSystem({ modules: failing(trace, 'start') }).start()).rejects.toThrow(/no space left/);
    expect(trace).toEqual([
      'create database()',
      'start database',
      'create cache(database)',
      'stop cache',
      'stop database',
    ]);
  });

  test('a signal ends a start between two services', async () => {
    const trace: string[] = [];
    const stop = new AbortController();
    const system = createSystem({
      modules: [
        module('m', (r) => {
          r.register({ token: DATABASE, ...traced(trace, 'database'), start: () => stop.abort(new Error('enough')) });
          r.register({ token: CACHE, needs: [DATABASE], ...traced(trace, 'cache') });
        }),
      ],
    });
    await expect(system.start({ signal: stop.signal })).rejects.toThrow('enough');
    expect(trace).toEqual(['create database()', 'stop database']);
  });

  test('stop during start waits for the start to end and leaves nothing running', async () => {
    const trace: string[] = [];
    const entered = Promise.withResolvers<AbortSignal>();
    const system = createSystem({
      modules: [
        module('m', (r) => {
          const start = (_: string, signal: AbortSignal) =>
            new Promise<void>((_resolve, reject) => {
              signal.addEventListener('abort', () => reject(signal.reason as Error));
              entered.resolve(signal);
            });
          r.register({ token: DATABASE, ...traced(trace, 'database'), start });
        }),
      ],
    });
    const started = system.start();
    const failed = expect(started).rejects.toMatchObject({ code: 'shutting_down' });
    await entered.promise;
    await system.stop();
    await failed;
    expect(trace).toEqual(['create database()', 'stop database']);
  });

  test('stop collects failures, keeps its limit for each service, and is done once', async () => {
    const stopped: string[] = [];
    const system = createSystem({
      modules: [
        module('m', (r) => {
          r.register({ token: DATABASE, create: () => 'd', stop: () => void stopped.push('database') });
          r.register({ token: CACHE, create: () => 'c', stop: () => new Promise(() => undefined), stopLimitMs: 5 });
          r.register({
            token: SERVER,
            create: () => 's',
            stop: () => {
              throw new Error('socket stuck');
            },
          });
        }),
      ],
    });
    await system.start();
    const first = system.stop();
    expect(system.stop()).toBe(first);
    await expect(first).rejects.toThrow(
      "2 services did not stop well: server: socket stuck; cache: service 'cache' did not stop within 5 ms",
    );
    expect(stopped).toEqual(['database']);
    expect(system.state).toBe('stopped');
  });

  test('a system starts once', async () => {
    await using system = createSystem({ modules: [] });
    await system.start();
    await expect(system.start()).rejects.toThrow(/the system is running; it can be started once/);
  });
});

test('what a service owns is disposed by default, what is provided is not', async () => {
  const disposed: string[] = [];
  const disposable = (name: string) => ({
    [Symbol.asyncDispose]: async () => void disposed.push(await Promise.resolve(name)),
  });
  const OWNED = serviceToken<AsyncDisposable>('owned');
  const GIVEN = serviceToken<AsyncDisposable>('given');
  const SYNC = serviceToken<Disposable>('sync');
  {
    await using system = createSystem({
      modules: [
        module('m', (r) => {
          r.register({ token: OWNED, create: () => disposable('owned') });
          r.provide(GIVEN, disposable('given'));
          r.register({ token: SYNC, create: () => ({ [Symbol.dispose]: () => void disposed.push('sync') }) });
        }),
      ],
    });
    await system.start();
  }
  expect(disposed).toEqual(['sync', 'owned']);
});

test('services can need the log of the system', async () => {
  const lines: string[] = [];
  const write = (_: object, message: string) => void lines.push(message);
  const log = { debug: () => undefined, info: write, warn: write, error: write };
  await using system = createSystem({
    log,
    modules: [module('m', (r) => r.register({ token: CACHE, needs: [LOG], create: (l) => (l.info({}, 'made'), 'c') }))],
  });
  await system.start();
  expect(lines).toEqual(['made']);
});

test('whoever composes a system is told of its states; services can still be had when it begins to stop', async () => {
  const told: string[] = [];
  const system = createSystem({
    modules: [module('state', (r) => r.register({ token: DATABASE, create: () => 'rows' }))],
    onState: (state, running) => {
      told.push(state === 'running' || state === 'stopping' ? `${state} with ${running.get(DATABASE)}` : state);
    },
  });
  await system.start();
  await system.stop();
  expect(told).toEqual(['starting', 'running with rows', 'stopping with rows', 'stopped']);
});
