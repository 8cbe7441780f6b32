import { ServerCredentials } from '@grpc/grpc-js';
import type { TlsServerOptions } from '../http/server-tls.ts';

const contextOf = ({ cert, key, ca }: TlsServerOptions) => ({ cert, key, ...(ca !== undefined && { ca }) });

/** Credentials whose certificate can be replaced while the server works; the library's own are made once. */
export class LiveCredentials extends ServerCredentials {
  constructor(options: TlsServerOptions) {
    const { requestCert, rejectUnauthorized } = options;
    super({ requestCert, rejectUnauthorized, minVersion: 'TLSv1.2' }, contextOf(options));
  }

  /** New connections see these. */
  replace(options: TlsServerOptions): void {
    this.updateSecureContextOptions(contextOf(options));
  }

  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}
