import type { Exchange } from './exchange.ts';

/** The whole rest of an answer, or its first `limit` bytes; the connection is let go then. */
export const bodyBytes = async (exchange: Exchange, limit = Infinity): Promise<Buffer> => {
  const packets: Buffer[] = [];
  let length = 0;
  for (let packet = await exchange.read(); packet; packet = await exchange.read()) {
    packets.push(packet);
    length += packet.length;
    if (length >= limit) {
      exchange.release();
      break;
    }
  }
  const [only] = packets;
  const all = only && packets.length === 1 ? only : Buffer.concat(packets);
  return length > limit ? all.subarray(0, limit) : all;
};

/** The same as text. */
export const bodyText = (exchange: Exchange, limit?: number): Promise<string> =>
  bodyBytes(exchange, limit).then((bytes) => bytes.toString());
