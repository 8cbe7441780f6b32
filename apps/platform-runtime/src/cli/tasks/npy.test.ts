import { GolekError, type NamedTensor } from '@golek/api';
import { describe, expect, test } from 'vitest';
import { npyOf, readNpy } from './npy.ts';

/** As `numpy.save` of numpy.float32([[1, 2, 3]]) writes it. */
const SAVED = Buffer.concat([
  Buffer.from('\u0093NUMPY\u0001\u0000v\u0000', 'latin1'),
  Buffer.from(`{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3), }${' '.repeat(58)}\n`),
  Buffer.from(Float32Array.of(1, 2, 3).buffer),
]);

/** The file with another header of the same length. */
const changed = (from: string, to: string): Buffer =>
  Buffer.from(SAVED.toString('latin1').replace(from.padEnd(to.length), to.padEnd(from.length)), 'latin1');

test("NumPy's own file is read and written byte for byte", () => {
  const tensor: NamedTensor = {
    name: 'x',
    type: 'FP32',
    shape: [1, 3],
    data: new Uint8Array(Float32Array.of(1, 2, 3).buffer),
  };
  expect(readNpy('x', SAVED)).toEqual(tensor);
  expect(npyOf(tensor)).toEqual(SAVED);
});

test.each<[NamedTensor['type'], number[], number]>([
  ['BOOL', [2], 2],
  ['UINT8', [2, 3], 6],
  ['INT8', [], 1],
  ['UINT16', [0, 4], 0],
  ['INT16', [1], 2],
  ['FP16', [3], 6],
  ['UINT32', [1], 4],
  ['INT32', [1], 4],
  ['FP64', [1], 8],
  ['UINT64', [1], 8],
  ['INT64', [2, 1, 1], 16],
])('%s of the shape %j goes there and back', (type, shape, bytes) => {
  const data = Uint8Array.from({ length: bytes }, (_, index) => index % 2);
  const file = npyOf({ name: 'x', type, shape, data });
  expect((file.length - bytes) % 64).toBe(0);
  expect(readNpy('x', file)).toEqual({ name: 'x', type, shape, data });
});

test('the second version has a longer length', () => {
  const wide = Buffer.concat([Buffer.from('\u0093NUMPY\u0002\u0000v\u0000\u0000\u0000', 'latin1'), SAVED.subarray(10)]);
  expect(readNpy('x', wide)).toEqual(readNpy('x', SAVED));
});

describe('what is no tensor', () => {
  test.each<[string, Buffer, string]>([
    ['another file', Buffer.from('GGUF'), 'it is no .npy file'],
    ['a later version', Buffer.from('\u0093NUMPY\u0009\u0000', 'latin1'), 'of version 9'],
    ['half a prefix', SAVED.subarray(0, 9), 'cut short in its header'],
    ['half a header', SAVED.subarray(0, 40), 'cut short in its header'],
    ['half the data', SAVED.subarray(0, -4), 'has 8 bytes of data; the shape [1, 3] of FP32 needs 12'],
    ['more data', Buffer.concat([SAVED, Buffer.alloc(1)]), 'has 13 bytes of data'],
    ['big-endian', changed("'<f4'", "'>f4'"), 'big-endian'],
    ['texts', changed("'<f4'", "'<U4'"), "its elements are '<U4'; convert it"],
    ['columns first', changed('False, ', 'True,  '), 'numpy.ascontiguousarray'],
    ['no shape', changed("'shape'", "'shap_'"), "no 'shape'"],
  ])('%s', (_, file, message) => {
    expect(() => readNpy('x', file)).toThrow(GolekError);
    expect(() => readNpy('x', file)).toThrow(message);
  });

  test('texts cannot be written', () => {
    expect(() => npyOf({ name: 'x', type: 'BYTES', shape: [1], data: ['a'] })).toThrow("'x' is BYTES");
  });
});
