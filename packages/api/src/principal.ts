import { z } from 'zod';

/** Who makes a request. */
export const Principal = z
  .strictObject({
    /** Stable id of the caller: a key's, a user's, or `anonymous`. */
    id: z.string(),
    tenant: z.string(),
    /** What the caller may do, e.g. `inference`, `admin`. */
    scopes: z.array(z.string()),
    /** Names of the models that the caller may use; absent: every one. */
    models: z.array(z.string()).optional(),
  })
  .meta({ id: 'Principal' });
export type Principal = z.infer<typeof Principal>;

/** The caller on a server without authentication, and the owner of an embedded runtime. */
export const LOCAL_PRINCIPAL: Principal = Object.freeze({
  id: 'anonymous',
  tenant: 'default',
  scopes: ['inference', 'admin'],
});
