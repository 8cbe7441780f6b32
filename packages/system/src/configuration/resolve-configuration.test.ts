import { GolekError } from '@golek/api';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { configSection } from './config-section.ts';
import type { ConfigProblem } from './config-source.ts';
import { sourceText } from './config-source.ts';
import { resolveConfiguration } from './resolve-configuration.ts';
import type { ConfigurationLayers } from './resolve-layers.ts';

const http = configSection(
  'http',
  z.strictObject({
    host: z.string().min(1).default('127.0.0.1').describe('Address to listen on.'),
    port: z.int().min(0).max(65535).default(8080),
    bodyLimitBytes: z.int().min(1).default(1_000_000),
    cors: z
      .strictObject({ origins: z.array(z.string()).default([]), credentials: z.boolean().default(false) })
      .prefault({}),
  }),
);
const models = configSection(
  'models',
  z.strictObject({
    list: z
      .array(
        z.strictObject({ name: z.string(), path: z.string(), options: z.record(z.string(), z.unknown()).default({}) }),
      )
      .default([]),
    default: z.string().optional(),
    isolation: z.enum(['process', 'in-process']).default('process'),
    threads: z.union([z.literal('auto'), z.int().min(1).max(64)]).default('auto'),
  }),
);
const auth = configSection('auth', z.strictObject({ token: z.string().min(8).optional().meta({ secret: true }) }));
const home = configSection('home', z.string().min(1).default('~/.golek'));
const sections = [http, models, auth, home];

const resolve = (layers: Omit<ConfigurationLayers, 'sections'> = {}) => resolveConfiguration({ sections, ...layers });
const file = (text: string) => ({ path: 'golek.yaml', text });

const problemsOf = (layers: Omit<ConfigurationLayers, 'sections'>): string[] => {
  try {
    resolve(layers);
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(GolekError);
    const { code, details } = thrown as GolekError;
    expect(code).toBe('config_invalid');
    return (details?.['problems'] as ConfigProblem[]).map(({ source, message }) => `${sourceText(source)}: ${message}`);
  }
  throw new Error('the configuration is valid');
};

describe('layers', () => {
  test('defaults alone', () => {
    const configuration = resolve();
    expect(configuration.get(http)).toEqual({
      host: '127.0.0.1',
      port: 8080,
      bodyLimitBytes: 1_000_000,
      cors: { origins: [], credentials: false },
    });
    expect(configuration.get(home)).toBe('~/.golek');
    expect(configuration.get(models).default).toBeUndefined();
    expect(configuration.explain('http.port')).toMatchObject({ value: 8080, layer: 'default', source: 'default' });
  });

  test('each layer beats the one before, key by key', () => {
    const text = 'http:\n  host: from-file\n  port: 1\n  bodyLimitBytes: 11\n';
    const configuration = resolve({
      file: file(text),
      environment: { GOLEK_HTTP_PORT: '2', GOLEK_HTTP_BODY_LIMIT_BYTES: '22', OTHER: 'x' },
      flags: [{ key: 'http.bodyLimitBytes', value: '33', flag: '--limit' }],
    });
    expect(configuration.get(http)).toMatchObject({ host: 'from-file', port: 2, bodyLimitBytes: 33 });
    expect(configuration.explain('http.bodyLimitBytes')).toEqual({
      key: 'http.bodyLimitBytes',
      value: 33,
      secret: false,
      layer: 'flag',
      source: '--limit',
      overrides: [
        { value: 11, layer: 'file', source: 'golek.yaml:4:19' },
        { value: 22, layer: 'environment', source: 'GOLEK_HTTP_BODY_LIMIT_BYTES' },
      ],
      live: false,
      overridable: [],
    });
    expect(configuration.explain('http.port')).toMatchObject({
      source: 'GOLEK_HTTP_PORT',
      overrides: [{ value: 1, layer: 'file', source: 'golek.yaml:3:9' }],
    });
    expect(configuration.explain('http.host')).toMatchObject({
      source: 'golek.yaml:2:9',
      description: 'Address to listen on.',
    });
  });

  test('environment variables of every type', () => {
    const configuration = resolve({
      environment: {
        GOLEK_HTTP_CORS_ORIGINS: 'https://a.example, https://b.example',
        GOLEK_HTTP_CORS_CREDENTIALS: 'true',
        GOLEK_MODELS_LIST: '[{"name":"m","path":"/m.gguf","options":{"threads":2}}]',
        GOLEK_MODELS_THREADS: '4',
        GOLEK_HOME: '/data',
        GOLEK_HTTP_HOST: '',
      },
    });
    expect(configuration.get(http).cors).toEqual({
      origins: ['https://a.example', 'https://b.example'],
      credentials: true,
    });
    expect(configuration.get(models).list).toEqual([{ name: 'm', path: '/m.gguf', options: { threads: 2 } }]);
    expect(configuration.get(models).threads).toBe(4);
    expect(configuration.get(home)).toBe('/data');
    expect(configuration.get(http).host).toBe('127.0.0.1');
  });

  test('a list in a higher layer replaces the lower list', () => {
    const configuration = resolve({
      file: file('models: { list: [{ name: a, path: a.gguf }, { name: b, path: b.gguf }] }'),
      flags: [{ key: 'models.list', value: [{ name: 'c', path: 'c.gguf' }], flag: '--model' }],
    });
    expect(configuration.get(models).list.map(({ name }) => name)).toEqual(['c']);
  });

  test('YAML in all its forms: empty file, empty section, anchors, comments, CRLF', () => {
    expect(resolve({ file: file('') }).get(http).port).toBe(8080);
    expect(resolve({ file: file('# nothing\n') }).get(http).port).toBe(8080);
    expect(resolve({ file: file('http:\nhome: /x\n') }).get(home)).toBe('/x');
    expect(resolve({ file: file('http:\r\n  port: 0x10 # sixteen\r\n') }).get(http).port).toBe(16);
    const anchors =
      'models:\n  list:\n    - &m { name: a, path: a.gguf }\n    - { name: b, path: b.gguf, options: *m }\n';
    expect(resolve({ file: file(anchors) }).get(models).list[1]?.options).toEqual({ name: 'a', path: 'a.gguf' });
  });

  test('values are read-only', () => {
    const configuration = resolve({ flags: [{ key: 'http.cors.origins', value: 'a', flag: '--x' }] });
    const section = configuration.get(http) as unknown as { port: number; cors: { origins: string[] } };
    expect(() => (section.port = 1)).toThrow(TypeError);
    expect(() => section.cors.origins.push('b')).toThrow(TypeError);
  });
});

describe('problems name place, value and remedy', () => {
  test('unknown keys in the file', () => {
    expect(problemsOf({ file: file('http:\n  prt: 1\n') })).toEqual([
      "golek.yaml:2:3: unknown key 'http.prt'; did you mean 'http.port'?",
    ]);
    expect(problemsOf({ file: file('htttp:\n  port: 1\n') })).toEqual([
      "golek.yaml:1:1: unknown key 'htttp'; did you mean 'http'?",
    ]);
    expect(problemsOf({ file: file('port: 1\n') })).toEqual([
      "golek.yaml:1:1: unknown key 'port'; did you mean 'http.port'?",
    ]);
    expect(problemsOf({ file: file('http:\n  zzzzzzzzzzzzzzzz: 1\n') })).toEqual([
      "golek.yaml:2:3: unknown key 'http.zzzzzzzzzzzzzzzz'; known here: host, port, bodyLimitBytes, cors",
    ]);
    expect(problemsOf({ file: file('__proto__:\n  x: 1\nconstructor: 2\n') })).toHaveLength(2);
  });

  test('wrong types and ranges in the file', () => {
    const text = 'http:\n  port: 70000\n  host: 5\nmodels:\n  isolation: thread\n  threads: 0\n';
    expect(problemsOf({ file: file(text) })).toEqual([
      "golek.yaml:2:9: 'http.port' must be an integer from 0 to 65535, got 70000",
      "golek.yaml:3:9: 'http.host' must be a non-empty text, got 5",
      "golek.yaml:5:14: 'models.isolation' must be one of 'process', 'in-process', got 'thread'",
      "golek.yaml:6:12: 'models.threads' must be 'auto' or an integer from 1 to 64, got 0",
    ]);
    expect(problemsOf({ file: file('http:\n  port: "8080"\n') })).toEqual([
      "golek.yaml:2:9: 'http.port' must be an integer from 0 to 65535, got '8080' (a text: remove the quotes?)",
    ]);
    expect(problemsOf({ file: file('http:\n  port:\n') })).toEqual([
      "golek.yaml:2:8: 'http.port' must be an integer from 0 to 65535, got null",
    ]);
  });

  test('inside of lists, at the place of the item', () => {
    const text = 'models:\n  list:\n    - name: a\n      path: a.gguf\n    - name: b\n      pth: b.gguf\n';
    expect(problemsOf({ file: file(text) })).toEqual([
      "golek.yaml:5:7: in 'models.list': '[1].path' is missing: expected string",
    ]);
    const unknown = 'models:\n  list:\n    - { name: a, path: a.gguf, optoins: {} }\n';
    expect(problemsOf({ file: file(unknown) })).toEqual([
      "golek.yaml:3:41: in 'models.list': unknown key '[0].optoins'; did you mean '[0].options'?",
    ]);
  });

  test('a section that is not a map', () => {
    expect(problemsOf({ file: file('http: 8080\n') })).toEqual([
      "golek.yaml:1:7: 'http' must be a map with the keys host, port, bodyLimitBytes, cors",
    ]);
    expect(problemsOf({ file: file('- http\n') })).toEqual([
      'golek.yaml:1:1: the file must be a map with the keys http, models, auth, home',
    ]);
  });

  test('syntax errors, repeated keys, several documents, unknown tags', () => {
    expect(problemsOf({ file: file('http:\n  port: [1\nhome: x\n') })[0]).toMatch(/^golek\.yaml:\d+:\d+: YAML: /);
    expect(problemsOf({ file: file('http:\n  port: 1\n  port: 2\n') })).toEqual([
      'golek.yaml:3:3: YAML: Map keys must be unique',
    ]);
    expect(problemsOf({ file: file('home: a\n---\nhome: b\n') })[0]).toMatch(
      /^golek\.yaml:2:1: YAML: .*multiple documents/,
    );
    expect(problemsOf({ file: file('home: !secret a\n') })[0]).toMatch(/^golek\.yaml:1:7: YAML: Unresolved tag/);
  });

  test('documents made to exhaust memory or stack', () => {
    const bomb = Array.from(
      { length: 30 },
      (_, i) => `    x${i}: &a${i} [${i ? `*a${i - 1}, *a${i - 1}` : 'lol'}]`,
    ).join('\n');
    const [problem] = problemsOf({
      file: file(`models:\n  list: [{ name: a, path: b, options: {\n${bomb.replaceAll('\n', ',\n')} } }]\n`),
    });
    expect(problem).toMatch(/Excessive alias count|alias/i);
    const deep = problemsOf({ file: file(`models:\n  list: ${'['.repeat(50_000)}`) });
    expect(deep[0]).toMatch(/^golek\.yaml:\d+:\d+: /);
  });

  test('unknown and wrong environment variables', () => {
    expect(problemsOf({ environment: { GOLEK_HTTP_PROT: '1' } })).toEqual([
      'GOLEK_HTTP_PROT: no setting has the environment variable GOLEK_HTTP_PROT; did you mean GOLEK_HTTP_PORT?',
    ]);
    expect(problemsOf({ environment: { GOLEK_HTTP_PORT: '80a', GOLEK_HTTP_CORS_CREDENTIALS: 'maybe' } })).toEqual([
      "GOLEK_HTTP_PORT: 'http.port' must be an integer from 0 to 65535, got '80a'",
      "GOLEK_HTTP_CORS_CREDENTIALS: 'http.cors.credentials' must be true or false, got 'maybe'",
    ]);
    expect(problemsOf({ environment: { GOLEK_HTTP_PORT: '-1' } })).toEqual([
      "GOLEK_HTTP_PORT: 'http.port' must be an integer from 0 to 65535, got -1",
    ]);
    expect(resolve({ environment: { GOLEK_CONFIG: '/x' }, allowedVariables: ['GOLEK_CONFIG'] })).toBeDefined();
  });

  test('service links of Kubernetes are not ours, but one that hits a key is explained', () => {
    const links = {
      GOLEK_SERVICE_HOST: '10.0.0.1',
      GOLEK_SERVICE_PORT: '80',
      GOLEK_SERVICE_PORT_HTTP: '80',
      GOLEK_PORT: 'tcp://10.0.0.1:80',
      GOLEK_PORT_80_TCP: 'tcp://10.0.0.1:80',
      GOLEK_PORT_80_TCP_ADDR: '10.0.0.1',
    };
    expect(resolve({ environment: links }).get(http).port).toBe(8080);
    expect(problemsOf({ environment: { GOLEK_HTP_PORT: '80' } })).toHaveLength(1);
    expect(problemsOf({ environment: { GOLEK_HTTP_PORT: 'tcp://10.0.0.1:80' } })).toEqual([
      expect.stringContaining('enableServiceLinks'),
    ]);
  });

  test('unknown and wrong flags', () => {
    expect(
      problemsOf({
        flags: [
          { key: 'http.prot', value: '1', flag: '--http.prot' },
          { key: 'http.port', value: 'x', flag: '--port' },
        ],
      }),
    ).toEqual([
      "--http.prot: no setting is named 'http.prot'; did you mean 'http.port'?",
      "--port: 'http.port' must be an integer from 0 to 65535, got 'x'",
    ]);
  });

  test('an overridden value is checked too, and all problems come at once', () => {
    const problems = problemsOf({
      file: file('http:\n  port: x\n'),
      environment: { GOLEK_HTTP_PORT: '1', GOLEK_X: '1' },
    });
    expect(problems).toHaveLength(2);
    expect(() => resolve({ file: file('http:\n  port: x\n'), environment: { GOLEK_X: '1' } })).toThrow(
      /^the configuration has 2 problems:\n {2}GOLEK_X: .*\n {2}golek\.yaml:2:9: /,
    );
  });
});

describe('checks over a whole section', () => {
  const strict = configSection(
    'limits',
    z
      .strictObject({ low: z.int().default(1), high: z.int().default(2), name: z.string() })
      .refine(({ low, high }) => low <= high, { path: ['low'], message: 'must not be above limits.high' }),
  );

  test('a missing key says how to set it', () => {
    expect(() => resolveConfiguration({ sections: [strict] })).toThrow(
      "'limits.name' is missing: set it in golek.yaml, as GOLEK_LIMITS_NAME or with --limits.name",
    );
  });

  test('a relation between keys is shown at the key it names', () => {
    const text = 'limits:\n  name: x\n  low: 7\n';
    expect(() => resolveConfiguration({ sections: [strict], file: file(text) })).toThrow(
      "golek.yaml:3:8: 'limits.low': must not be above limits.high",
    );
  });
});

describe('secrets', () => {
  test('are given to the program and shown nowhere', () => {
    const configuration = resolve({ environment: { GOLEK_AUTH_TOKEN: 'hunter2hunter2' } });
    expect(configuration.get(auth).token).toBe('hunter2hunter2');
    expect(JSON.stringify(configuration.explain('auth.token'))).not.toContain('hunter2');
  });

  test.each([
    { file: file('auth:\n  token: 12345\n') },
    { file: file('auth:\n  token: [hunter2]\n') },
    { environment: { GOLEK_AUTH_TOKEN: '12345' } },
    { flags: [{ key: 'auth.token', value: '12345', flag: '--auth.token' }] },
  ])('are not in messages: %j', (layers) => {
    const [problem] = problemsOf(layers);
    expect(problem).toMatch(/'auth\.token' must be a non-empty text$/);
  });
});

describe('observation of reads', () => {
  test('tells the keys that nothing has read', () => {
    const small = configSection(
      'a',
      z.strictObject({ x: z.int().default(1), y: z.strictObject({ z: z.int().default(2) }).prefault({}) }),
    );
    const configuration = resolveConfiguration({ sections: [small, home] });
    expect(configuration.unread()).toEqual(['a.x', 'a.y.z', 'home']);
    const values = configuration.get(small);
    expect(configuration.unread()).toEqual(['a.x', 'a.y.z', 'home']);
    expect(values.x).toBe(1);
    expect(Object.keys(values.y)).toEqual(['z']);
    expect(configuration.unread()).toEqual(['a.y.z', 'home']);
    expect(values.y.z).toBe(2);
    configuration.get(home);
    expect(configuration.unread()).toEqual([]);
  });

  test('explaining is not reading', () => {
    const configuration = resolve();
    configuration.explain('http.port');
    expect(configuration.unread()).toContain('http.port');
  });
});

test('explain and get refuse what does not exist', () => {
  expect(() => resolve().explain('http.prt')).toThrow("no setting is named 'http.prt'; did you mean 'http.port'?");
  expect(() => resolve().explain('http')).toThrow(/^no setting is named 'http'; settings below it are: .*http\.port/);
  expect(() => resolveConfiguration({ sections: [http] }).get(models)).toThrow(/without the section 'models'/);
});

test('two keys with one environment variable do not fit together', () => {
  const twins = [
    configSection('a', z.strictObject({ bC: z.string().optional() })),
    configSection('aB', z.strictObject({ c: z.string().optional() })),
  ];
  expect(() => resolveConfiguration({ sections: twins })).toThrow(/'a\.bC'.*'aB\.c' with the variable GOLEK_A_B_C/);
});
