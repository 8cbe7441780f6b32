import { fileKind, GolekError } from '@golek/providers-spi';

/** A recording of one channel; samples from -1 to 1. */
export interface Sound {
  /** Samples of a second. */
  readonly rate: number;
  readonly samples: Float32Array;
}

interface Format {
  readonly channels: number;
  readonly rate: number;
  /** Bytes of one sample of one channel. */
  readonly width: number;
  readonly encoding: number;
}

const PCM = 1;
const FLOAT = 3;
/** The encoding stands in the first two bytes of a GUID. */
const EXTENSIBLE = 0xfffe;
/** A writer that does not know the length yet leaves this or 0. */
const UNKNOWN_LENGTH = 0xffff_ffff;
const MAX_CHANNELS = 64;
const MAX_RATE = 768_000;

/**
 * Reads a WAV file (Microsoft's "Multimedia Programming Interface and Data Specifications 1.0"): whole numbers of 8 to 32 bits, floats of 32 and 64; several channels become their mean.
 * `what` names it in messages. Throws `invalid_request` for other formats and encodings and for files that are cut short or longer than `maxSeconds`.
 */
export const readWav = (bytes: Uint8Array, what: string, maxSeconds: number): Sound => {
  const refuse = (problem: string): GolekError =>
    new GolekError('invalid_request', `${what} ${problem}`, { details: { field: what } });
  const kind = fileKind(bytes);
  if (kind !== 'WAV')
    throw refuse(`is ${kind === undefined ? 'no recording' : `a file of the format ${kind}`}; WAV is read`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let format: Format | undefined;
  for (let at = 12; at + 8 <= view.byteLength;) {
    const id = view.getUint32(at);
    const size = view.getUint32(at + 4, true);
    const start = at + 8;
    const left = view.byteLength - start;
    if (id === DATA) {
      if (!format) throw refuse('is a WAV file that does not say what its samples are');
      const unknown = size === UNKNOWN_LENGTH || (size === 0 && left > 0);
      if (!unknown && size > left)
        throw refuse(`is a WAV file that is cut short: it says ${size} bytes of samples, and ${left} are there`);
      return { rate: format.rate, samples: samplesOf(view, start, unknown ? left : size, format, refuse, maxSeconds) };
    }
    if (size > left) throw refuse('is a WAV file that is cut short or damaged');
    if (id === FMT) format = formatOf(view, start, size, refuse);
    // Chunks begin at even places.
    at = start + size + (size % 2);
  }
  throw refuse('is a WAV file without samples');
};

/** Names of chunks, as big-endian numbers. */
const FMT = 0x666d_7420;
const DATA = 0x6461_7461;

type Refuse = (problem: string) => GolekError;

const formatOf = (view: DataView, start: number, size: number, refuse: Refuse): Format => {
  if (size < 16) throw refuse('is a WAV file that is damaged: it does not say what its samples are');
  const tag = view.getUint16(start, true);
  const encoding = tag === EXTENSIBLE && size >= 40 ? view.getUint16(start + 24, true) : tag;
  const channels = view.getUint16(start + 2, true);
  const rate = view.getUint32(start + 4, true);
  const frame = view.getUint16(start + 12, true);
  const bits = view.getUint16(start + 14, true);
  const width = bits / 8;
  if (!(encoding === PCM && [8, 16, 24, 32].includes(bits)) && !(encoding === FLOAT && [32, 64].includes(bits)))
    throw refuse(
      `is a WAV file with the encoding ${encoding} of ${bits} bits; whole numbers (1) of 8, 16, 24 and 32 bits and floats (3) of 32 and 64 are read`,
    );
  if (channels < 1 || channels > MAX_CHANNELS || rate < 1 || rate > MAX_RATE || frame !== channels * width)
    throw refuse(`is a WAV file that is damaged: ${channels} channels, ${rate} Hz, ${frame} bytes at a time`);
  return { channels, rate, width, encoding };
};

const samplesOf = (
  view: DataView,
  start: number,
  size: number,
  { channels, rate, width, encoding }: Format,
  refuse: Refuse,
  maxSeconds: number,
): Float32Array => {
  const length = Math.floor(size / (channels * width));
  if (length === 0) throw refuse('is a WAV file without samples');
  if (length > maxSeconds * rate)
    throw refuse(
      `is ${(length / rate).toFixed(1)} s long; at most ${maxSeconds} s are taken (option 'maxAudioSeconds')`,
    );
  const read = readerOf(view, width, encoding);
  const samples = new Float32Array(length);
  for (let i = 0, at = start; i < length; i++) {
    let sum = 0;
    for (let channel = 0; channel < channels; channel++, at += width) sum += read(at);
    samples[i] = sum / channels;
    if (!Number.isFinite(samples[i])) throw refuse(`has no finite number at sample ${i}`);
  }
  return samples;
};

/** Reads the sample at a place. */
const readerOf = (view: DataView, width: number, encoding: number): ((at: number) => number) => {
  if (encoding === FLOAT) return width === 4 ? (at) => view.getFloat32(at, true) : (at) => view.getFloat64(at, true);
  switch (width) {
    case 1:
      return (at) => (view.getUint8(at) - 128) / 2 ** 7;
    case 2:
      return (at) => view.getInt16(at, true) / 2 ** 15;
    case 3:
      return (at) => (view.getUint16(at, true) + view.getInt8(at + 2) * 2 ** 16) / 2 ** 23;
    default:
      return (at) => view.getInt32(at, true) / 2 ** 31;
  }
};
