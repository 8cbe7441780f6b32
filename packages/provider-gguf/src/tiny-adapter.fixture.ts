import { writeFile } from 'node:fs/promises';
import { golekTiny } from '@golek/model-tiny';
import { readGgufFile } from './gguf-file.ts';
import { ggufBytes, steadyNumbers, type GgufEntry, type WrittenTensor } from './gguf-writer.fixture.ts';

const RANK = 4;

export interface AdapterOptions {
  /** Its numbers differ with it. Default 1. */
  readonly seed?: number;
  readonly metadata?: Readonly<Record<string, GgufEntry>>;
  /** Changes the tensors before they are written. */
  readonly change?: (tensors: readonly WrittenTensor[]) => readonly WrittenTensor[];
}

/** The bytes of a LoRA adapter for golek-tiny: steady random numbers, large enough that greedy answers change. */
export const adapterBytes = async ({
  seed = 1,
  metadata = {},
  change = (tensors) => tensors,
}: AdapterOptions = {}): Promise<Buffer> => {
  const { tensors } = await readGgufFile(golekTiny.path, new AbortController().signal);
  const adapted = tensors.filter(({ name }) => /^blk\.\d+\.(attn_q|attn_output|ffn_down)\.weight$/.test(name));
  const pairs = adapted.flatMap(({ name, shape: [inputs = 1, outputs = 1] }, i): WrittenTensor[] => [
    { name: `${name}.lora_a`, shape: [inputs, RANK], values: steadyNumbers(inputs * RANK, 0.16, 1000 * seed + 2 * i) },
    {
      name: `${name}.lora_b`,
      shape: [RANK, outputs],
      values: steadyNumbers(RANK * outputs, 0.16, 1000 * seed + 2 * i + 1),
    },
  ]);
  return ggufBytes(
    {
      'general.type': 'adapter',
      'general.architecture': 'llama',
      'adapter.type': 'lora',
      'adapter.lora.alpha': { float: RANK },
      ...metadata,
    },
    change(pairs),
  );
};

export const writeAdapter = async (file: string, options?: AdapterOptions): Promise<string> => {
  await writeFile(file, await adapterBytes(options));
  return file;
};
