import { z } from 'zod';

const MAX_PARTS = 100;
const name = z.string().min(1).max(200);
const order = z.number().optional();
const list = <T extends z.ZodType>(item: T) => z.array(item).max(MAX_PARTS);

/** What a plugin registered in its process; comes from untrusted code. */
export const Registrations = z.strictObject({
  transforms: list(z.strictObject({ name, order, request: z.boolean(), stream: z.boolean() })),
  observers: list(z.strictObject({ name, order, phase: z.enum(['AUDIT', 'OBSERVABILITY', 'CLEANUP']) })),
  routes: list(
    z.strictObject({
      method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']),
      path: z.string().startsWith('/').max(1_000),
      scope: z.enum(['public', 'inference', 'admin']).optional(),
    }),
  ),
  authenticators: list(z.strictObject({ name, order })),
  exporters: list(z.strictObject({ name, spans: z.boolean(), metrics: z.boolean() })),
  health: z.boolean(),
  /** Types of lifecycle events that it listens to. */
  listens: list(z.string().max(100)),
});
export type Registrations = z.infer<typeof Registrations>;

/** What a plugin says of itself. */
export const PluginDescription = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9@][a-z0-9._/@-]*$/, 'not a plugin name')
    .max(214),
  version: z.string().min(1).max(100),
  golek: z.string().max(100).optional(),
  requires: z.record(z.string().max(214), z.string().max(100)).optional(),
  takesOptions: z.boolean(),
});

export type PluginDescription = z.infer<typeof PluginDescription>;

export const PluginHealthData = z.strictObject({
  status: z.enum(['ok', 'degraded', 'down']),
  reason: z.string().max(1_000).optional(),
});

export const RouteResponseData = z.strictObject({
  status: z.int().min(200).max(599).optional(),
  headers: z
    .record(z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/), z.string().regex(/^[\t\x20-\x7e\x80-\xff]*$/))
    .optional(),
  body: z.union([z.string(), z.instanceof(Uint8Array)]).optional(),
});
