import { isIP } from 'node:net';
import { checkServerIdentity } from 'node:tls';
import { credentials, type ChannelCredentials, type ChannelOptions } from '@grpc/grpc-js';
import type { ResolvedTriton } from '../options.ts';

/** TLS asks for no name at an address of numbers; the library always sends one, and Node refuses numbers as such. */
const NAME_OF_AN_ADDRESS = 'ip-address.invalid';

const bytes = (text: string | undefined): Buffer | null => (text === undefined ? null : Buffer.from(text));

/** How connections are secured, by the address and `tls`. */
export const tlsCredentials = ({
  baseUrl,
  tls,
}: Pick<ResolvedTriton, 'baseUrl' | 'tls'>): readonly [ChannelCredentials, ChannelOptions] => {
  if (baseUrl.protocol !== 'https:') return [credentials.createInsecure(), {}];
  const { ca, certificate, key, serverName } = tls ?? {};
  const host = baseUrl.hostname.replace(/^\[|\]$/g, '');
  const byAddress = serverName === undefined && isIP(host) !== 0;
  const security = credentials.createSsl(
    bytes(ca),
    bytes(key),
    bytes(certificate),
    byAddress ? { checkServerIdentity: (_name, shown) => checkServerIdentity(host, shown) } : {},
  );
  if (byAddress) return [security, { 'grpc.ssl_target_name_override': NAME_OF_AN_ADDRESS }];
  return serverName === undefined
    ? [security, {}]
    : [security, { 'grpc.ssl_target_name_override': serverName, 'grpc.default_authority': serverName }];
};
