export type WavEncoding = 'u8' | 's16' | 's24' | 's32' | 'f32' | 'f64';

const WIDTHS: Readonly<Record<WavEncoding, number>> = { u8: 1, s16: 2, s24: 3, s32: 4, f32: 4, f64: 8 };

const write = (bytes: Buffer, at: number, sample: number, encoding: WavEncoding): void => {
  switch (encoding) {
    case 'u8':
      bytes.writeUInt8(Math.round(sample * 127) + 128, at);
      break;
    case 's16':
      bytes.writeInt16LE(Math.round(sample * 32_767), at);
      break;
    case 's24':
      bytes.writeIntLE(Math.round(sample * 8_388_607), at, 3);
      break;
    case 's32':
      bytes.writeInt32LE(Math.round(sample * 2_147_483_647), at);
      break;
    case 'f32':
      bytes.writeFloatLE(sample, at);
      break;
    case 'f64':
      bytes.writeDoubleLE(sample, at);
  }
};

export interface WavSpec {
  readonly rate?: number;
  readonly encoding?: WavEncoding;
  /** Names its encoding by a GUID (WAVE_FORMAT_EXTENSIBLE). */
  readonly extensible?: boolean;
  /** Chunks of other programs between the head and the samples. */
  readonly extra?: boolean;
}

/** A WAV file of channels of equal length, samples from -1 to 1. */
export const wavFile = (channels: readonly ArrayLike<number>[], spec: WavSpec = {}): Buffer<ArrayBuffer> => {
  const { rate = 16_000, encoding = 's16', extensible = false, extra = false } = spec;
  const width = WIDTHS[encoding];
  const tag = encoding.startsWith('f') ? 3 : 1;
  const format = Buffer.alloc(extensible ? 40 : 16);
  format.writeUInt16LE(extensible ? 0xfffe : tag, 0);
  format.writeUInt16LE(channels.length, 2);
  format.writeUInt32LE(rate, 4);
  format.writeUInt32LE(rate * channels.length * width, 8);
  format.writeUInt16LE(channels.length * width, 12);
  format.writeUInt16LE(8 * width, 14);
  if (extensible) format.writeUInt16LE(tag, 24);
  const length = channels[0]?.length ?? 0;
  const data = Buffer.alloc(length * channels.length * width);
  for (let i = 0, at = 0; i < length; i++)
    for (const channel of channels) {
      write(data, at, channel[i] ?? 0, encoding);
      at += width;
    }
  const chunk = (name: string, content: Buffer): Buffer => {
    const head = Buffer.alloc(8);
    head.write(name, 'latin1');
    head.writeUInt32LE(content.length, 4);
    return Buffer.concat([head, content, Buffer.alloc(content.length % 2)]);
  };
  const body = Buffer.concat([
    Buffer.from('WAVE'),
    chunk('fmt ', format),
    ...(extra ? [chunk('LIST', Buffer.from('odd'))] : []),
    chunk('data', data),
  ]);
  return Buffer.concat([chunk('RIFF', body)]);
};
