import { Pool } from 'undici';
import { MODEL_NAME } from '../serving/golek-serve.ts';
import type { Embedder } from './embedder.ts';

interface Answer {
  readonly data: readonly { readonly embedding: string }[];
}

/** A client of `/v1/embeddings` on this machine. */
export const openHttp = (port: number): Embedder => {
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: 128 });
  return {
    async embed(texts) {
      const body = JSON.stringify({ model: MODEL_NAME, input: texts, encoding_format: 'base64' });
      const response = await pool.request({
        method: 'POST',
        path: '/v1/embeddings',
        headers: { 'content-type': 'application/json' },
        body,
      });
      const text = await response.body.text();
      if (response.statusCode !== 200) throw new Error(`the server answered ${response.statusCode}: ${text}`);
      return (JSON.parse(text) as Answer).data.map(({ embedding }) => {
        const bytes = Uint8Array.from(Buffer.from(embedding, 'base64'));
        return new Float32Array(bytes.buffer);
      });
    },
    [Symbol.asyncDispose]: () => pool.close(),
  };
};
