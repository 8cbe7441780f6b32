import type { Log } from '@golek/providers-spi';
import type { OnnxGraph, OnnxTensor, TensorPort } from './graph.ts';
import { emptyData } from './tensors.ts';

/** The smallest tensor that a port takes; undefined where the graph does not even say how many dimensions there are. */
const smallest = ({ type, dims, anyRank }: TensorPort): OnnxTensor | undefined => {
  if (anyRank) return undefined;
  const shape = dims.map((dim) => (typeof dim === 'number' ? dim : 1));
  return {
    type,
    dims: shape,
    data: emptyData(
      type,
      shape.reduce((product, dim) => product * dim, 1),
    ),
  };
};

/**
 * Runs a graph once on zeros, with 1 for each size that a request chooses: what the runtime puts off until the first run is then done. A graph that cannot work
 * on these stays cold, which the log says.
 */
export const warmUp = async (
  name: string,
  graph: OnnxGraph,
  log: Log | undefined,
  signal: AbortSignal,
): Promise<void> => {
  const feeds = Object.create(null) as Record<string, OnnxTensor>;
  for (const port of graph.inputs) {
    const tensor = smallest(port);
    if (!tensor)
      return log?.info({ model: name, input: port.name }, 'the model is not warmed up: its inputs may have any shape');
    feeds[port.name] = tensor;
  }
  try {
    const outputs = graph.outputs.map((output) => output.name);
    await graph.run(feeds, outputs, signal);
  } catch (error) {
    signal.throwIfAborted();
    log?.info({ model: name, reason: (error as Error).message }, 'the model is not warmed up: it cannot work on zeros');
  }
};
