import type { TensorType } from '@golek/api';

/** An element as JSON has it. Numbers that JSON has no form for are 'NaN', 'Infinity' and '-Infinity'; whole numbers beyond ±2^53 are decimal texts. */
export type ElementValue = number | string | boolean;

/** How the elements of a number type lie in bytes, little-endian. */
export interface ElementCodec {
  /** Bytes of one element. */
  readonly size: number;
  /** What the type takes, for messages. */
  readonly expected: string;
  readonly read: (view: DataView, at: number) => ElementValue;
  /** False when the value is none of the type. */
  readonly write: (view: DataView, at: number, value: unknown) => boolean;
}

type Get<T> = (view: DataView, at: number) => T;
type Set<T> = (view: DataView, at: number, value: T) => void;

const integer = (size: number, min: number, max: number, get: Get<number>, set: Set<number>): ElementCodec => ({
  size,
  expected: `a whole number from ${min} to ${max}`,
  read: get,
  write: (view, at, value) => {
    if (!Number.isInteger(value) || (value as number) < min || (value as number) > max) return false;
    set(view, at, value as number);
    return true;
  },
});

const DECIMAL = /^-?\d{1,20}$/;

/** A number that lost digits when its JSON was parsed is refused rather than taken for another. */
const bigOf = (value: unknown): bigint | undefined => {
  if (typeof value === 'string') return DECIMAL.test(value) ? BigInt(value) : undefined;
  return Number.isSafeInteger(value) ? BigInt(value as number) : undefined;
};

const bigInteger = (min: bigint, max: bigint, get: Get<bigint>, set: Set<bigint>): ElementCodec => ({
  size: 8,
  expected: `a whole number from ${min} to ${max}, beyond ±2^53 as a string`,
  read: (view, at) => {
    const value = get(view, at);
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : String(value);
  },
  write: (view, at, value) => {
    const big = bigOf(value);
    if (big === undefined || big < min || big > max) return false;
    set(view, at, big);
    return true;
  },
});

const NOT_FINITE: Readonly<Record<string, number>> = { NaN, Infinity, '-Infinity': -Infinity };

const float = (size: number, get: Get<number>, set: Set<number>): ElementCodec => ({
  size,
  expected: "a number within the type's range, 'NaN', 'Infinity' or '-Infinity'",
  read: (view, at) => {
    const value = get(view, at);
    return Number.isFinite(value) ? value : String(value);
  },
  write: (view, at, value) => {
    if (typeof value === 'string') {
      if (!Object.hasOwn(NOT_FINITE, value)) return false;
      set(view, at, NOT_FINITE[value] as number);
      return true;
    }
    // JSON writes infinity as a number that is too large.
    if (typeof value !== 'number' || !Number.isFinite(value)) return false;
    set(view, at, value);
    return Number.isFinite(get(view, at));
  },
});

const bool: ElementCodec = {
  size: 1,
  expected: 'true, false, 0 or 1',
  read: (view, at) => view.getUint8(at) !== 0,
  write: (view, at, value) => {
    if (typeof value !== 'boolean' && value !== 0 && value !== 1) return false;
    view.setUint8(at, Number(value));
    return true;
  },
};

const WORD = new DataView(new ArrayBuffer(4));

const fromBits = (bits: number): number => {
  WORD.setInt32(0, bits);
  return WORD.getFloat32(0);
};

/** The upper 16 bits of a number as float32, rounded to the nearest, ties to even. */
const upperHalf = (value: number): number => {
  if (Number.isNaN(value)) return 0x7fc0;
  WORD.setFloat32(0, value);
  const bits = WORD.getUint32(0);
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
};

/** Every type but BYTES, whose elements are texts. */
export const ELEMENT_CODECS: Readonly<Record<Exclude<TensorType, 'BYTES'>, ElementCodec>> = {
  BOOL: bool,
  UINT8: integer(
    1,
    0,
    0xff,
    (view, at) => view.getUint8(at),
    (view, at, value) => view.setUint8(at, value),
  ),
  UINT16: integer(
    2,
    0,
    0xffff,
    (view, at) => view.getUint16(at, true),
    (view, at, value) => view.setUint16(at, value, true),
  ),
  UINT32: integer(
    4,
    0,
    0xffffffff,
    (view, at) => view.getUint32(at, true),
    (view, at, value) => view.setUint32(at, value, true),
  ),
  UINT64: bigInteger(
    0n,
    2n ** 64n - 1n,
    (view, at) => view.getBigUint64(at, true),
    (view, at, value) => view.setBigUint64(at, value, true),
  ),
  INT8: integer(
    1,
    -0x80,
    0x7f,
    (view, at) => view.getInt8(at),
    (view, at, value) => view.setInt8(at, value),
  ),
  INT16: integer(
    2,
    -0x8000,
    0x7fff,
    (view, at) => view.getInt16(at, true),
    (view, at, value) => view.setInt16(at, value, true),
  ),
  INT32: integer(
    4,
    -0x80000000,
    0x7fffffff,
    (view, at) => view.getInt32(at, true),
    (view, at, value) => view.setInt32(at, value, true),
  ),
  INT64: bigInteger(
    -(2n ** 63n),
    2n ** 63n - 1n,
    (view, at) => view.getBigInt64(at, true),
    (view, at, value) => view.setBigInt64(at, value, true),
  ),
  FP16: float(
    2,
    (view, at) => view.getFloat16(at, true),
    (view, at, value) => view.setFloat16(at, value, true),
  ),
  // The upper half of a float32.
  BF16: float(
    2,
    (view, at) => fromBits(view.getUint16(at, true) << 16),
    (view, at, value) => view.setUint16(at, upperHalf(value), true),
  ),
  FP32: float(
    4,
    (view, at) => view.getFloat32(at, true),
    (view, at, value) => view.setFloat32(at, value, true),
  ),
  FP64: float(
    8,
    (view, at) => view.getFloat64(at, true),
    (view, at, value) => view.setFloat64(at, value, true),
  ),
};
