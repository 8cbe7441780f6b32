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
  return Buffer.concat(packets).subarray(0, Math.min(length, limit));
};

/** The same as text. */
export const bodyText = async (exchange: Exchange, limit = Infinity): Promise<string> =>
  (await bodyBytes(exchange, limit)).toString();
