import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { GolekError } from '@golek/api';

/** What a server shows, and whom it lets in; PEM. Without certificate and key it speaks no TLS. */
export interface TlsMaterial {
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
  /** Authorities of clients: others are turned away. */
  readonly clientCa?: string | undefined;
}

/** A setting that is wrong. */
export interface TlsProblem {
  readonly key: string;
  readonly message: string;
}

const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));

/** What the PEM of each setting begins with. */
const BEGINNINGS = {
  certificate: /-----BEGIN [A-Z0-9 ]*CERTIFICATE-----/,
  key: /-----BEGIN [A-Z ]*PRIVATE KEY-----/,
} as const;

/** Why the settings of a section cannot be used; messages hold nothing of them but OpenSSL's words. */
export const tlsProblem = (section: string, { certificate, key, clientCa }: TlsMaterial): TlsProblem | undefined => {
  const problem = (name: string, message: string): TlsProblem => ({ key: `${section}.tls.${name}`, message });
  if ((certificate === undefined) !== (key === undefined)) {
    const missing = key === undefined ? 'key' : 'certificate';
    return problem(missing, `${section}.tls.${missing} is missing: certificate and key go together`);
  }
  if (clientCa !== undefined && certificate === undefined)
    return problem(
      'certificate',
      `${section}.tls.clientCa needs ${section}.tls.certificate and key: there is no TLS without`,
    );
  for (const name of ['certificate', 'key'] as const) {
    const pem = name === 'key' ? key : certificate;
    if (pem === undefined || BEGINNINGS[name].test(pem)) continue;
    return problem(name, `${section}.tls.${name} holds no ${name} in PEM; give its text, or file:/absolute/path`);
  }
  try {
    createSecureContext({ cert: certificate, key });
  } catch (thrown) {
    return problem('certificate', `${section}.tls.certificate and key cannot be used together (${messageOf(thrown)})`);
  }
  try {
    // OpenSSL takes what it cannot read for an empty list.
    if (clientCa !== undefined) new X509Certificate(clientCa);
  } catch (thrown) {
    return problem('clientCa', `${section}.tls.clientCa holds no certificate that can be read (${messageOf(thrown)})`);
  }
  return undefined;
};

/** Why a server cannot go on with these settings: whether it speaks TLS, and asks who its clients are, is decided when it starts. */
export const tlsChange = (section: string, begun: TlsMaterial, now: TlsMaterial): readonly TlsProblem[] => {
  const problem = tlsProblem(section, now);
  if (problem) return [problem];
  const switched = (['certificate', 'clientCa'] as const).find(
    (name) => (begun[name] === undefined) !== (now[name] === undefined),
  );
  return switched === undefined
    ? []
    : [{ key: `${section}.tls.${switched}`, message: `${section}.tls is switched on or off by a restart only` }];
};

/** Options of a TLS server; undefined where none is wanted. Throws `config_invalid`. */
export const tlsOptions = (section: string, material: TlsMaterial = {}): TlsServerOptions | undefined => {
  const problem = tlsProblem(section, material);
  if (problem) throw new GolekError('config_invalid', problem.message, { details: { key: problem.key } });
  const { certificate: cert, key, clientCa: ca } = material;
  return cert === undefined || key === undefined
    ? undefined
    : { cert, key, ...(ca !== undefined && { ca }), requestCert: ca !== undefined, rejectUnauthorized: true };
};

export interface TlsServerOptions {
  readonly cert: string;
  readonly key: string;
  readonly ca?: string;
  readonly requestCert: boolean;
  readonly rejectUnauthorized: true;
}
