const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** FNV-1a of UTF-16 code units or token ids, 32 bits. */
const hash = (input: string | readonly number[]): number => {
  let value = FNV_OFFSET;
  for (let i = 0; i < input.length; i++) {
    value = Math.imul(value ^ (typeof input === 'string' ? input.charCodeAt(i) : (input[i] ?? 0)), FNV_PRIME);
  }
  return value >>> 0;
};

/** A unit vector that depends on nothing but the input: components from xorshift32, seeded with the input's hash. */
export const fakeEmbedding = (input: string | readonly number[], length: number): Float32Array<ArrayBuffer> => {
  let state = hash(input) || 1;
  const vector = Float32Array.from({ length }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 0x80000000 - 1;
  });
  const norm = Math.hypot(...vector) || 1;
  return vector.map((component) => component / norm);
};
