import { tensorValues } from '@golek/protocols/tensors';
import { GolekError, type EmbedRequest, type InferenceEvent, type NamedTensor } from '@golek/providers-spi';

export const embedInputs = ({ inputs }: EmbedRequest): NamedTensor[] => [
  { name: 'text_input', type: 'BYTES', shape: [inputs.length], data: inputs.map(String) },
];

/** The rows of the output `embedding`. Throws `provider_failed` where there is not one for each text. */
export const embeddingEvents = (outputs: readonly NamedTensor[], count: number): InferenceEvent[] => {
  const tensor = outputs.find(({ name }) => name === 'embedding');
  const [rows, width = 0] = tensor?.shape ?? [];
  if (!tensor || tensor.shape.length !== 2 || rows !== count)
    throw new GolekError('provider_failed', `the server gave no output 'embedding' with ${count} rows`);
  const values = Float32Array.from(tensorValues(tensor), Number);
  return Array.from({ length: count }, (_, index) => ({
    type: 'embedding',
    index,
    vector: values.slice(index * width, (index + 1) * width),
  }));
};
