import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { checkOptions, invalidOption, type OptionRule } from '../option-rules.ts';

/** How connections to an `https` address are secured; certificates and key are PEM text. */
export interface TlsOptions {
  /** Authorities whose certificates are trusted, in place of Node's. */
  readonly ca?: string;
  /** Shown to a service that wants to know who asks (mutual TLS); goes with `key`. */
  readonly certificate?: string;
  readonly key?: string;
  /** Name that the service's certificate has to have. Default: the host of the address. */
  readonly serverName?: string;
}

const pem = (wanted: string): OptionRule => ({
  allows: (value) => typeof value === 'string' && value.includes('-----BEGIN '),
  wanted,
  secret: true,
});

const RULES: Readonly<Record<keyof TlsOptions, OptionRule>> = {
  ca: pem('certificates in PEM'),
  certificate: pem('a certificate in PEM'),
  key: pem('a private key in PEM'),
  serverName: {
    allows: (value) => typeof value === 'string' && /^[\w.-]{1,253}$/.test(value),
    wanted: 'the name of a host',
  },
};

const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));

/** Throws `config_invalid` for what cannot be used. `what`: whose options they are. */
export const checkTls = (tls: TlsOptions, baseUrl: URL, what: string): void => {
  checkOptions(tls, RULES, `${what}, 'tls'`);
  const fail = (key: string, problem: string): never => {
    throw invalidOption(what, `tls.${key}`, problem);
  };
  const { ca, certificate, key } = tls;
  if (baseUrl.protocol !== 'https:')
    fail('', `'tls' is for addresses that begin with https; this one is ${baseUrl.origin}`);
  if ((certificate === undefined) !== (key === undefined))
    fail(
      key === undefined ? 'key' : 'certificate',
      "'tls.certificate' and 'tls.key' belong together; one of them is missing",
    );
  try {
    // OpenSSL takes a wrong list of authorities for an empty one.
    if (ca !== undefined) new X509Certificate(ca);
  } catch (cause) {
    fail('ca', `'tls.ca' holds no certificate that can be read (${messageOf(cause)})`);
  }
  try {
    createSecureContext({ cert: certificate, key });
  } catch (cause) {
    fail('certificate', `'tls.certificate' and 'tls.key' cannot be used together (${messageOf(cause)})`);
  }
};
