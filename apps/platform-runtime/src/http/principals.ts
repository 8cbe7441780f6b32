import type { Principal } from '@golek/api';

const principal = (id: string, scopes: readonly string[]): Principal =>
  Object.freeze({ id, tenant: 'default', scopes: Object.freeze([...scopes]) as string[] });

/** Whoever asks for a public route: nobody asks who it is. */
export const NOBODY = principal('anonymous', []);

/** Whoever needs no credentials to run models, and has none. */
export const ANONYMOUS = principal('anonymous', ['inference']);

/** The holder of the administrator's token. */
export const ADMINISTRATOR = principal('admin', ['inference', 'admin']);
