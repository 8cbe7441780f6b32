let halves: Float32Array | undefined;

/** IEEE 754 binary16, each of its values computed once. */
export const fromHalves = (bits: Uint16Array): Float32Array => {
  halves ??= Float32Array.from({ length: 1 << 16 }, (_, half) => halfToNumber(half));
  const numbers = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) numbers[i] = halves[bits[i] as number] as number;
  return numbers;
};

const halfToNumber = (bits: number): number => {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * 2 ** -14 * (fraction / 1024);
  if (exponent === 31) return fraction ? Number.NaN : sign * Infinity;
  return sign * 2 ** (exponent - 15) * (1 + fraction / 1024);
};

const single = new Float32Array(1);
const singleBits = new Uint32Array(single.buffer);

/** The nearest half of each number, ties to even; what is too large becomes infinite. */
export const toHalves = (numbers: Float32Array): Uint16Array => Uint16Array.from(numbers, halfOf);

const halfOf = (value: number): number => {
  single[0] = value;
  const bits = singleBits[0] as number;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = Math.abs(value);
  if (Number.isNaN(value)) return sign | 0x7e00;
  // Half way between the greatest half and the next one that there would be.
  if (magnitude >= 65_520) return sign | 0x7c00;
  // Below the least normal half all are multiples of 2^-24.
  if (magnitude < 2 ** -14) return sign | roundToEven(magnitude * 2 ** 24);
  // 112: the difference of the two exponent biases; a carry out of the fraction goes into the exponent, as it should.
  const fraction = bits & 0x1fff;
  const upper = ((bits >>> 13) & 0x3ffff) - (112 << 10);
  const up = fraction > 0x1000 || (fraction === 0x1000 && (upper & 1) === 1);
  return sign | (upper + (up ? 1 : 0));
};

const roundToEven = (value: number): number => {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
};
