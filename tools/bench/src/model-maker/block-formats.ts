/** How weights of a random tensor are laid out; layouts of the blocks are those of ggml-common.h (llama.cpp v0.5.0). */
interface BlockLayout {
  /** Number of the type in a tensor's entry, and of `general.file_type`. */
  readonly type: number;
  readonly fileType: number;
  /** Weights and bytes of a block. */
  readonly block: number;
  readonly bytes: number;
  /** Turns random bytes, whole blocks, into weights with mean 0 and the given standard deviation, in place. */
  readonly shape: (bytes: Buffer, deviation: number) => void;
}

/** Standard deviation of a uniform distribution over ±1. */
const UNIFORM = 1 / Math.sqrt(3);

const half = new DataView(new ArrayBuffer(4));

/** Bits of the half-precision number nearest to a number between 2^-14 and 65504, or 0. */
export const halfBits = (value: number): number => {
  half.setFloat32(0, value);
  const bits = half.getUint32(0);
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fff_ffff;
  if (magnitude < 0x3880_0000) return sign;
  return sign | ((magnitude - 0x3800_0000 + 0x1000) >>> 13);
};

/** Each half-precision weight is one of 256 steps, chosen by a random byte. */
const shapeF16 = (bytes: Buffer, deviation: number): void => {
  const steps = Uint16Array.from({ length: 256 }, (_, i) => halfBits(((i - 127.5) / 127.5 / UNIFORM) * deviation));
  for (let at = 0; at < bytes.length; at += 2) bytes.writeUInt16LE(steps[bytes[at] ?? 0] ?? 0, at);
};

const Q8_BYTES = 34;
/** Half-precision step, 32 signed bytes. -128 is none of llama.cpp's values. */
const shapeQ8 = (bytes: Buffer, deviation: number): void => {
  const step = halfBits(deviation / UNIFORM / 127);
  for (let at = 0; at < bytes.length; at += Q8_BYTES) {
    bytes.writeUInt16LE(step, at);
    for (let i = at + 2; i < at + Q8_BYTES; i++) if (bytes[i] === 0x80) bytes[i] = 0;
  }
};

const Q4_BYTES = 18;
/** Half-precision step, 32 numbers of 4 bits, 8 standing for 0; without 0 of 16, so that their mean is 0. */
const WITHOUT_LEAST = Uint8Array.from({ length: 256 }, (_, byte) => {
  const low = byte & 15 || 8;
  const high = byte >> 4 || 8;
  return low | (high << 4);
});
const shapeQ4 = (bytes: Buffer, deviation: number): void => {
  const step = halfBits(deviation / UNIFORM / 7.5);
  for (let at = 0; at < bytes.length; at += Q4_BYTES) {
    bytes.writeUInt16LE(step, at);
    for (let i = at + 2; i < at + Q4_BYTES; i++) bytes[i] = WITHOUT_LEAST[bytes[i] ?? 0] ?? 0;
  }
};

export const BLOCK_FORMATS = {
  f16: { type: 1, fileType: 1, block: 1, bytes: 2, shape: shapeF16 },
  q8_0: { type: 8, fileType: 7, block: 32, bytes: Q8_BYTES, shape: shapeQ8 },
  q4_0: { type: 2, fileType: 2, block: 32, bytes: Q4_BYTES, shape: shapeQ4 },
} as const satisfies Readonly<Record<string, BlockLayout>>;

export type BlockFormat = keyof typeof BLOCK_FORMATS;
