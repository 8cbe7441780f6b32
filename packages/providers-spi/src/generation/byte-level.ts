/** GPT-2's byte-level alphabet: printable Latin-1 characters stand for their own byte, U+0100 … for the others in order. */
const BYTE_OF_CHARACTER: ReadonlyMap<string, number> = (() => {
  const map = new Map<string, number>();
  let next = 0x100;
  for (let byte = 0; byte < 256; byte++) {
    const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    map.set(String.fromCodePoint(printable ? byte : next++), byte);
  }
  return map;
})();

/** The bytes of a token that a byte-level vocabulary spells so; undefined where the spelling has other characters. */
export const byteLevelBytes = (spelling: string): Uint8Array | undefined => {
  const bytes: number[] = [];
  for (const character of spelling) {
    const byte = BYTE_OF_CHARACTER.get(character);
    if (byte === undefined) return undefined;
    bytes.push(byte);
  }
  return Uint8Array.from(bytes);
};
