import { describeIssue, GolekError } from '@golek/api';
import { problemText, type Configuration, type ConfigScope, type ConfigurationManager } from '@golek/system';
import { z } from 'zod';
import type { Exchange } from '../exchange.ts';
import { parseJsonBody } from '../json-body.ts';
import type { Route } from '../route.ts';

export interface ConfigRouteDeps {
  readonly configuration: Configuration;
  readonly manager: ConfigurationManager;
  /** Absolute path of the data folder, so that `golek config` knows whose settings these are. */
  readonly home: string | undefined;
}

const ShownValue = {
  value: z.unknown().optional(),
  layer: z.string(),
  source: z.string(),
};

const Setting = z
  .strictObject({
    key: z.string(),
    ...ShownValue,
    secret: z.boolean(),
    overrides: z.array(z.strictObject(ShownValue)),
    live: z.boolean(),
    overridable: z.array(z.string()),
    pending: z.strictObject(ShownValue).optional(),
    revision: z.string().optional(),
    description: z.string().optional(),
  })
  .meta({ id: 'Setting' });

const Settings = z.strictObject({ home: z.string().optional(), store: z.string(), settings: z.array(Setting) });

const Change = z
  .strictObject({ changed: z.array(z.string()), restart: z.array(z.string()), revision: z.string().optional() })
  .meta({ id: 'ConfigChange' });

const Problem = z.strictObject({ key: z.string(), message: z.string() });

const Trial = z.union([
  z.strictObject({ valid: z.literal(true), changed: z.array(z.string()), restart: z.array(z.string()) }),
  z.strictObject({ valid: z.literal(false), problems: z.array(Problem) }),
]);

const SetBody = z.strictObject({
  value: z.unknown(),
  expectedRevision: z.string().nullable().optional(),
});

const ValidateBody = z.strictObject({ yaml: z.string().max(1024 ** 2) });

const bodyOf = <Schema extends z.ZodType>({ body, request }: Exchange, schema: Schema): z.output<Schema> => {
  const value = parseJsonBody(body, request.headers);
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const known = schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
  // A value may be a secret: it is not shown.
  const { message, path } = describeIssue(result.error, undefined, () => known);
  throw new GolekError('invalid_request', message, { details: { path } });
};

const scopeOf = ({ query }: Exchange): ConfigScope => ({ tenant: query.get('tenant') ?? undefined });

const keyOf = ({ parameters }: Exchange): string => parameters['key'] ?? '';

const PARAMETERS = { key: 'The key, e.g. `limits.maxTools`.' };
const TENANT = { tenant: 'Shows the values as this tenant has them.' };

/** Reading and changing the configuration while the server works. Secrets are shown by reference or as `[secret]`. */
export const configRoutes = ({ configuration, manager, home }: ConfigRouteDeps): readonly Route[] => [
  {
    method: 'GET',
    path: '/admin/v1/config',
    scope: 'admin',
    operation: {
      summary: 'List every setting with its value, the layer that it comes from and what waits for a restart.',
      tag: 'administration',
      query: TENANT,
      response: Settings,
    },
    handle: (exchange) =>
      exchange.sendJson(200, {
        ...(home !== undefined && { home }),
        store: manager.store,
        settings: manager.list(scopeOf(exchange)),
      }),
  },
  {
    method: 'GET',
    path: '/admin/v1/config/:key',
    scope: 'admin',
    operation: {
      summary: 'Explain one setting: its value, where it was written and which values lost.',
      tag: 'administration',
      parameters: PARAMETERS,
      query: TENANT,
      response: Setting,
    },
    handle: (exchange) => exchange.sendJson(200, configuration.explain(keyOf(exchange), scopeOf(exchange))),
  },
  {
    method: 'PUT',
    path: '/admin/v1/config/:key',
    scope: 'admin',
    operation: {
      summary:
        'Store a value, which beats file, environment and command line. A refused change leaves everything as it was.',
      tag: 'administration',
      parameters: PARAMETERS,
      request: SetBody,
      response: Change,
    },
    handle: async (exchange) => {
      const { value, expectedRevision } = bodyOf(exchange, SetBody);
      if (value === undefined) throw new GolekError('invalid_request', "'value' is missing: give the setting's value");
      const { signal } = exchange;
      exchange.sendJson(200, await manager.set(keyOf(exchange), value, { signal, expectedRevision }));
    },
  },
  {
    method: 'DELETE',
    path: '/admin/v1/config/:key',
    scope: 'admin',
    operation: {
      summary: 'Remove a stored value, so that command line, environment, file and default count again.',
      tag: 'administration',
      parameters: PARAMETERS,
      query: { expectedRevision: 'Revision of the stored value that shall be removed.' },
      response: Change,
    },
    handle: async (exchange) => {
      const { signal, query } = exchange;
      const expectedRevision = query.get('expectedRevision') ?? undefined;
      exchange.sendJson(200, await manager.unset(keyOf(exchange), { signal, expectedRevision }));
    },
  },
  {
    method: 'POST',
    path: '/admin/v1/config/validate',
    scope: 'admin',
    operation: {
      summary: 'Say what a configuration file with this text would change, or what is wrong with it. Changes nothing.',
      tag: 'administration',
      request: ValidateBody,
      response: Trial,
    },
    handle: (exchange) => {
      const trial = manager.try(bodyOf(exchange, ValidateBody).yaml);
      if (trial.valid) return exchange.sendJson(200, trial);
      const problems = trial.problems.map((problem) => ({ key: problem.key, message: problemText(problem) }));
      exchange.sendJson(200, { valid: false, problems });
    },
  },
  {
    method: 'POST',
    path: '/admin/v1/config/reload',
    scope: 'admin',
    operation: {
      summary: 'Read the file, the files of secrets and the store again.',
      tag: 'administration',
      response: Change,
    },
    handle: async (exchange) => exchange.sendJson(200, await manager.reload({ signal: exchange.signal })),
  },
];
