import { createCipheriv, createHash } from 'node:crypto';

/** Random bytes that depend on nothing but the seed and the label: AES-128 in counter mode, 1–2 GB in a second. */
export const keyedBytes = (seed: number, label: string): ((length: number) => Buffer) => {
  const key = createHash('sha256').update(`${seed}/${label}`).digest();
  const cipher = createCipheriv('aes-128-ctr', key.subarray(0, 16), key.subarray(16));
  return (length) => cipher.update(Buffer.alloc(length));
};
