import { expect, test } from 'vitest';
import { fromHalves, toHalves } from './half-floats.ts';

test('bits are numbers', () => {
  const bits = Uint16Array.of(0x3c00, 0xc000, 0x7c00, 0x0001, 0x7e00, 0x8000, 0x7bff);
  expect([...fromHalves(bits)]).toEqual([1, -2, Infinity, 2 ** -24, Number.NaN, -0, 65_504]);
});

test('every half comes back', () => {
  const all = Uint16Array.from({ length: 1 << 16 }, (_, bits) => bits);
  const back = toHalves(fromHalves(all));
  all.forEach((bits, i) => {
    const isNaN = (bits & 0x7c00) === 0x7c00 && (bits & 0x3ff) !== 0;
    if (isNaN) expect((back[i] as number) & 0x7fff).toBe(0x7e00);
    else if (back[i] !== bits) expect(back[i]).toBe(bits);
  });
});

test('a number between two halves becomes the nearer one, or the even one', () => {
  const step = 2 ** -10;
  const numbers = [
    1 + 0.4 * step,
    1 + 0.6 * step,
    1 + 0.5 * step,
    1 + 1.5 * step,
    65_519,
    65_520,
    2 ** -25,
    1.1 * 2 ** -25,
  ];
  const wanted = [1, 1 + step, 1, 1 + 2 * step, 65_504, Infinity, 0, 2 ** -24];
  expect([...fromHalves(toHalves(Float32Array.from(numbers)))]).toEqual(wanted);
  expect(toHalves(Float32Array.of(-1e9, -(2 ** -30)))).toEqual(Uint16Array.of(0xfc00, 0x8000));
});
