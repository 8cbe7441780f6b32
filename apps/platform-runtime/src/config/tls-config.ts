import { z } from 'zod';

/** The part of a server's section that makes it speak TLS; `and` stands behind the description. */
export const tlsSettings = (and = ''): z.ZodPrefault<typeof TlsSettings> =>
  TlsSettings.prefault({}).describe(
    `TLS: on with \`certificate\` and \`key\`. Files that change while the server works are read again for new connections; switching it on or off needs a restart.${and}`,
  );

const TlsSettings = z.strictObject({
  certificate: z
    .string()
    .optional()
    .describe(
      'Certificate of the server with those of the authorities between, PEM. Give it as `file:/path` or `env:NAME`.',
    )
    .meta({ secret: true, live: true }),
  key: z
    .string()
    .optional()
    .describe('Private key of the certificate, PEM. Give it as `file:/path` or `env:NAME`.')
    .meta({ secret: true, live: true }),
  clientCa: z
    .string()
    .optional()
    .describe(
      'Authorities of clients, PEM: whoever shows no certificate of theirs is turned away (mutual TLS). Give it as `file:/path` or `env:NAME`.',
    )
    .meta({ secret: true, live: true }),
});
