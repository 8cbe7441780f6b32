import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** Instruction sets that llama.cpp's build knows, with the names by which Linux lists what they need. */
const FEATURES = {
  SSE42: ['sse4_2'],
  AVX: ['avx'],
  F16C: ['f16c'],
  FMA: ['fma'],
  AVX2: ['avx2'],
  BMI2: ['bmi2'],
  AVX_VNNI: ['avx_vnni'],
  AVX512: ['avx512f', 'avx512cd', 'avx512vl', 'avx512dq', 'avx512bw'],
  AVX512_VBMI: ['avx512vbmi'],
  AVX512_VNNI: ['avx512_vnni'],
  AVX512_BF16: ['avx512_bf16'],
  AMX_TILE: ['amx_tile'],
  AMX_INT8: ['amx_int8'],
} as const;
type Feature = keyof typeof FEATURES;

const HASWELL = ['SSE42', 'AVX', 'F16C', 'FMA', 'AVX2', 'BMI2'] as const;
const SKYLAKEX = [...HASWELL, 'AVX512'] as const;

/** The CPU variants of the prebuilt binary, the best last: it loads the best one that the machine can run (ggml/src/CMakeLists.txt, v0.5.0). */
const VARIANTS: readonly (readonly [name: string, features: readonly Feature[]])[] = [
  ['x64', []],
  ['sse42', ['SSE42']],
  ['sandybridge', ['SSE42', 'AVX']],
  ['ivybridge', ['SSE42', 'AVX', 'F16C']],
  ['piledriver', ['SSE42', 'AVX', 'F16C', 'FMA']],
  ['haswell', HASWELL],
  ['alderlake', [...HASWELL, 'AVX_VNNI']],
  ['skylakex', SKYLAKEX],
  ['cannonlake', [...SKYLAKEX, 'AVX512_VBMI']],
  ['cascadelake', [...SKYLAKEX, 'AVX512_VNNI']],
  ['icelake', [...SKYLAKEX, 'AVX512_VBMI', 'AVX512_VNNI']],
  ['cooperlake', [...SKYLAKEX, 'AVX512_VNNI', 'AVX512_BF16']],
  ['zen4', [...SKYLAKEX, 'AVX512_VBMI', 'AVX512_VNNI', 'AVX512_BF16']],
  ['sapphirerapids', [...SKYLAKEX, 'AVX512_VBMI', 'AVX512_VNNI', 'AVX512_BF16', 'AMX_TILE', 'AMX_INT8']],
];

/** The variant that the prebuilt binary takes on a CPU with these flags of /proc/cpuinfo. */
export const variantFor = (
  flags: ReadonlySet<string>,
): { readonly name: string; readonly features: readonly Feature[] } => {
  const fits = (features: readonly Feature[]): boolean =>
    features.every((feature) => FEATURES[feature].every((flag) => flags.has(flag)));
  const [name, features] = VARIANTS.findLast((variant) => fits(variant[1])) ?? ['x64', []];
  return { name, features };
};

/** The instruction sets of a build, each on or off: without -march=native llama.cpp would turn most of them on by itself. */
export const featureFlags = (wanted: readonly Feature[]): string[] =>
  (Object.keys(FEATURES) as Feature[]).map((feature) => `-DGGML_${feature}=${wanted.includes(feature) ? 'ON' : 'OFF'}`);

/** GCC up to 12 drops the stores that this call reads, and the program crashes: a barrier before it keeps them. */
const TILE_CONFIG = '    _tile_loadconfig(&tc);';
export const withTileBarrier = (source: string): string => {
  const fenced = `    __asm__ volatile("" ::: "memory");\n${TILE_CONFIG}`;
  if (source.includes(fenced)) return source;
  if (!source.includes(TILE_CONFIG))
    throw new Error('ggml-cpu/amx/mmq.cpp has changed: the call of _tile_loadconfig was not found');
  return source.replace(TILE_CONFIG, fenced);
};

export interface PeerBuildPlan {
  readonly bundle: string;
  readonly source: string;
  readonly build: string;
  /** Path of the program that comes out. */
  readonly program: string;
  readonly variant: string;
  /** True when `withTileBarrier` must be applied to `tileSource`. */
  readonly hasTiles: boolean;
  readonly tileSource: string;
  readonly clone: readonly string[];
  readonly configure: readonly string[];
  readonly make: readonly string[];
}

/** How to build llama-server of exactly the binding's llama.cpp, with the flags of the binding's prebuilt binary, below the folder `out`. */
export const peerBuildPlan = (
  out: string,
  flags: ReadonlySet<string>,
  { ninja, jobs }: { readonly ninja: boolean; readonly jobs: number },
): PeerBuildPlan => {
  const binding = fileURLToPath(import.meta.resolve('node-llama-cpp'));
  const bundle = path.join(path.dirname(binding), '..', 'llama', 'gitRelease.bundle');
  const source = path.join(out, 'llama.cpp');
  const build = path.join(out, 'build');
  const { name: variant, features } = variantFor(flags);
  const off = ['CURL', 'BUILD_TESTS', 'BUILD_EXAMPLES', 'OPENSSL', 'BUILD_UI', 'BUILD_WEBUI'];
  return {
    bundle,
    source,
    build,
    program: path.join(build, 'bin', 'llama-server'),
    variant,
    hasTiles: features.includes('AMX_TILE'),
    tileSource: path.join(source, 'ggml', 'src', 'ggml-cpu', 'amx', 'mmq.cpp'),
    clone: ['git', 'clone', '--quiet', bundle, source],
    configure: [
      ...['cmake', '-S', source, '-B', build, ...(ninja ? ['-G', 'Ninja'] : [])],
      ...['-DCMAKE_BUILD_TYPE=Release', '-DBUILD_SHARED_LIBS=ON', '-DGGML_NATIVE=OFF', '-DGGML_OPENMP=OFF'],
      ...featureFlags(features),
      ...off.map((part) => `-DLLAMA_${part}=OFF`),
    ],
    make: ['cmake', '--build', build, '--target', 'llama-server', 'llama-bench', 'llama-quantize', '-j', String(jobs)],
  };
};
