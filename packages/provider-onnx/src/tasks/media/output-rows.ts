import { GolekError } from '@golek/providers-spi';
import type { OnnxTensor } from '../../graph.ts';
import { floatsOf } from '../float-output.ts';

/** The numbers of each of the first `count` inputs of a batch, from an output of [inputs, …]. Throws `provider_failed` for an output of another shape. */
export const outputRows = (
  outputs: Readonly<Record<string, OnnxTensor>>,
  name: string,
  count: number,
): readonly Float64Array[] => {
  const { dims, data } = floatsOf(outputs[name], name);
  const [rows = 1] = dims;
  if (rows < count || data.length % rows !== 0)
    throw new GolekError(
      'provider_failed',
      `the output '${name}' of the graph has the shape [${dims.join(', ')}] for ${count} inputs`,
    );
  const size = data.length / rows;
  return Array.from({ length: count }, (_, row) => new Float64Array(data.subarray(row * size, (row + 1) * size)));
};
