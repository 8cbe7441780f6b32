import { fileURLToPath } from 'node:url';

/** golek-embed: a sentence encoder in ONNX int8. Texts of up to 128 tokens, English, vectors of 512 numbers and length 1. */
export const golekEmbed = Object.freeze({
  /** Name under which runtimes register it. */
  name: 'golek-embed',
  /** Absolute path of the ONNX file; tokenizer and configuration stand beside it. src/ and dist/ are both beside model/. */
  path: fileURLToPath(new URL('../model/golek-embed-int8.onnx', import.meta.url)),
  /** SPDX identifier. */
  license: 'Apache-2.0',
  /** SHA-256 of the ONNX file, 64 lower-case hex digits. */
  sha256: '309320a646e78a875fdb8b2553cc119e98a3e5fdf6225d0c51f72c8f43119f5e',
});
