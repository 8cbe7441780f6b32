/** A 32-bit hash of a text: FNV-1a, finished with the mixer of MurmurHash3, since FNV alone leaves the high bits of short texts alike. */
const hash32 = (text: string): number => {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
};

/** A fixed number between 0 and 1, both excluded, for a text; the same in every process. */
export const fractionOf = (text: string): number => (hash32(text) + 0.5) / 2 ** 32;
