import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { peerBuildPlan, variantFor, withTileBarrier } from './peer-build.ts';

const HASWELL = ['sse4_2', 'avx', 'f16c', 'fma', 'avx2', 'bmi2'];
const AVX512 = [...HASWELL, 'avx512f', 'avx512cd', 'avx512vl', 'avx512dq', 'avx512bw'];

describe('the variant of the prebuilt binary', () => {
  it.each([
    [[], 'x64'],
    [['sse4_2'], 'sse42'],
    [HASWELL, 'haswell'],
    [[...HASWELL, 'avx_vnni'], 'alderlake'],
    [AVX512, 'skylakex'],
    [[...AVX512, 'avx512vbmi', 'avx512_vnni', 'avx512_bf16'], 'zen4'],
    [[...AVX512, 'avx512vbmi', 'avx512_vnni', 'avx512_bf16', 'amx_tile', 'amx_int8'], 'sapphirerapids'],
    [[...AVX512.slice(0, -1), 'amx_tile'], 'haswell'],
  ])('of a CPU with %j is %s', (flags, name) => expect(variantFor(new Set(flags)).name).toBe(name));
});

it('plans a build with every instruction set on or off, from the bundle of the installed binding', () => {
  const plan = peerBuildPlan('/out', new Set(HASWELL), { ninja: true, jobs: 3 });
  expect(existsSync(plan.bundle)).toBe(true);
  expect(plan).toMatchObject({ program: '/out/build/bin/llama-server', variant: 'haswell', hasTiles: false });
  expect(plan.configure).toEqual(
    expect.arrayContaining(['Ninja', '-DGGML_NATIVE=OFF', '-DGGML_OPENMP=OFF', '-DGGML_AVX2=ON', '-DGGML_AVX512=OFF']),
  );
  expect(plan.make.slice(-2)).toEqual(['-j', '3']);
});

describe('the barrier for GCC 12', () => {
  const source = 'void f() {\n    _tile_loadconfig(&tc);\n}\n';
  it('stands before the call, once', () => {
    const patched = withTileBarrier(source);
    expect(patched).toContain('"memory");\n    _tile_loadconfig(&tc);');
    expect(withTileBarrier(patched)).toBe(patched);
  });
  it('is missed where the source has changed', () => {
    expect(() => withTileBarrier('void f() {}')).toThrow('_tile_loadconfig was not found');
  });
});
