import { OnnxGraph } from './onnx-graph.ts';
import { quantise } from './quantise.ts';
import type { TfjsWeights, Weight } from './tfjs-weights.ts';

/** How matrices are stored: as they are, or as 8-bit integers with a scale for each column (of the vocabulary: for each token). */
export type Precision = 'float32' | 'int8';

interface Build {
  readonly graph: OnnxGraph;
  readonly weights: TfjsWeights;
  readonly precision: Precision;
}

const LAYERS = [0, 1];

/**
 * The Universal Sentence Encoder Lite as an ONNX file: `input_ids` and `attention_mask`, both (batch, sequence), to `sentence_embedding`, (batch, 512), of length 1.
 * The original takes its texts as one sparse list; here they stand in rows, padded. Comments have shapes: B texts of T tokens, width D, heads of width H.
 */
export const sentenceEncoder = (weights: TfjsWeights, precision: Precision): Uint8Array<ArrayBuffer> => {
  const graph = new OnnxGraph();
  const build = { graph, weights, precision };
  const mask = graph.node('Cast', ['attention_mask'], { to: 1 });
  // 0 for tokens, very negative for padding: (B, 1, 1, T)
  const ignored = graph.node('Mul', [
    graph.node('Sub', [graph.floats('one', [1], [1]), mask]),
    scalar(build, 'padding_bias', 'attention_bias_ignore_padding/mul/y'),
  ]);
  const bias = graph.node('Unsqueeze', [ignored, graph.integers('head_and_query_axes', [2], [1, 2])]);
  let tokens = graph.node('Add', [embedded(build), timing(build)]);
  for (const layer of LAYERS) tokens = transformerLayer(build, layer, tokens, bias);
  const sentence = linear(build, 'sentence', meanOf(build, tokens, mask), 'tanh_layer_0/weights', 'tanh_layer_0/bias');
  normalise(build, graph.node('Tanh', [sentence]), 'sentence_embedding');
  return graph.file(
    'universal_sentence_encoder_lite',
    ['input_ids', 'attention_mask'].map((name) => ({ name, element: 'int64', dims: ['batch', 'sequence'] })),
    [
      {
        name: 'sentence_embedding',
        element: 'float',
        dims: ['batch', weights.find('tanh_layer_0/bias').values.length],
      },
    ],
  );
};

/** Vectors of the tokens, (B, T, D). Twice as long as in the table: the original adds them a second time with the position. */
const embedded = ({ graph, weights, precision }: Build): string => {
  const { shape, values } = weights.find('module/Embeddings_en');
  const [rows, columns] = sizesOf(shape);
  let found: string;
  if (precision === 'float32') found = graph.node('Gather', [graph.floats('vocabulary', shape, values), 'input_ids']);
  else {
    const table = quantise(values, columns, 'row');
    const numbers = graph.node('Gather', [graph.bytes('vocabulary', shape, table.values), 'input_ids']);
    const scales = graph.node('Gather', [graph.floats('vocabulary_scales', [rows, 1], table.scales), 'input_ids']);
    found = graph.node('Mul', [graph.node('Cast', [numbers], { to: 1 }), scales]);
  }
  return graph.node('Mul', [found, graph.floats('two', [1], [2])]);
};

/** Sines and cosines of the positions, (T, D). */
const timing = ({ graph, weights }: Build): string => {
  const { shape, values } = weights.find('TimingSignal/ExpandDims_1');
  const length = graph.node('Gather', [graph.node('Shape', ['input_ids']), graph.integers('sequence_axis', [], [1])]);
  const range = ['first', 'step'].map((name, value) => graph.integers(name, [], [value]));
  const positions = graph.node('Range', [range[0] as string, length, range[1] as string]);
  const column = graph.node('Unsqueeze', [
    graph.node('Cast', [positions], { to: 1 }),
    graph.integers('last_axis', [1], [1]),
  ]);
  const angles = graph.node('Mul', [column, graph.floats('inverse_timescales', shape, values)]);
  return graph.node('Concat', [graph.node('Sin', [angles]), graph.node('Cos', [angles])], { axis: 1 });
};

/** Attention and two dense layers, each with a normalisation before it and its input added after it. The first layer also widens. */
const transformerLayer = (build: Build, layer: number, tokens: string, bias: string): string => {
  const { graph } = build;
  const name = `layer${layer}`;
  const place = `/Layer_${layer}/TransformerLayer`;
  const mixed = attention(build, name, place, normalised(build, `${name}_mixed`, tokens, place), bias);
  const dense = `${place}/dense`;
  const wide =
    layer === 0 ? linear(build, `${name}_widened`, tokens, `${dense}/kernel${PARTS}`, `${dense}/bias${PARTS}`) : tokens;
  const between = graph.node('Add', [mixed, wide]);
  const forward = `${place}/FFN`;
  const inner = linear(
    build,
    `${name}_inner`,
    normalised(build, `${name}_forward`, between, forward),
    `${forward}/conv1/Tensordot/Reshape_1`,
    `${forward}/conv1/bias${PARTS}`,
  );
  const outer = linear(
    build,
    `${name}_outer`,
    graph.node('Relu', [inner]),
    `${forward}/conv2/Tensordot/Reshape_1`,
    `${forward}/conv2/bias${PARTS}`,
  );
  return graph.node('Add', [outer, between]);
};

/** Ends of the names of weights that the original put together from parts. */
const PARTS = '/ConcatPartitions/concat';

const attention = (build: Build, name: string, place: string, tokens: string, bias: string): string => {
  const { graph, weights } = build;
  const own = `${place}/MultiheadAttention`;
  const heads = weights.number('split_heads/split_last_dimension/Reshape/shape/2');
  const all = linear(
    build,
    `${name}_qkv`,
    tokens,
    `${own}/qkv_transform_single/kernel/part_0`,
    `${own}/qkv_transform_single/bias${PARTS}`,
  );
  const width = weights.find(`${own}/qkv_transform_single/bias${PARTS}`).values.length / 3;
  const [queries, keys, values] = ['queries', 'keys', 'values'].map((part) => `${name}_${part}`) as [
    string,
    string,
    string,
  ];
  graph.nodeOf('Split', [all, graph.integers(`${name}_widths`, [3], [width, width, width])], [queries, keys, values], {
    axis: 2,
  });
  // (B, T, D) to (B, heads, T, H), or (B, heads, H, T)
  const byHead = graph.integers(`${name}_by_head`, [4], [0, 0, heads, width / heads]);
  const split = (part: string, perm: readonly number[]): string =>
    graph.node('Transpose', [graph.node('Reshape', [part, byHead])], { perm });
  const scale = scalar(build, `${name}_scale`, `${own}/mul/y`);
  const scores = graph.node('MatMul', [
    graph.node('Mul', [split(queries, [0, 2, 1, 3]), scale]),
    split(keys, [0, 2, 3, 1]),
  ]);
  const shares = graph.node('Softmax', [graph.node('Add', [scores, bias])], { axis: -1 });
  const mixed = graph.node('Transpose', [graph.node('MatMul', [shares, split(values, [0, 2, 1, 3])])], {
    perm: [0, 2, 1, 3],
  });
  const joined = graph.node('Reshape', [mixed, graph.integers(`${name}_joined`, [3], [0, 0, width])]);
  return linear(
    build,
    `${name}_mix`,
    joined,
    `${own}/output_transform_single/kernel/part_0`,
    `${own}/output_transform_single/bias${PARTS}`,
  );
};

const normalised = (build: Build, name: string, tokens: string, place: string): string => {
  const { graph, weights } = build;
  const vector = (part: 'scale' | 'bias'): string => {
    const { shape, values } = weights.find(`${place}/layer_prepostprocess/layer_norm/layer_norm_${part}${PARTS}`);
    return graph.floats(`${name}_norm_${part}`, shape, values);
  };
  return graph.node('LayerNormalization', [tokens, vector('scale'), vector('bias')], {
    axis: -1,
    epsilon: { float: weights.number('layer_norm/Cast/x') },
  });
};

/** Mean over the tokens that are no padding, (B, D). */
const meanOf = ({ graph }: Build, tokens: string, mask: string): string => {
  const axis = graph.integers('token_axis', [1], [1]);
  const column = graph.node('Unsqueeze', [mask, graph.integers('vector_axis', [1], [2])]);
  const sum = graph.node('ReduceSum', [graph.node('Mul', [tokens, column]), axis], { keepdims: 0 });
  return graph.node('Div', [sum, graph.node('ReduceSum', [mask, axis], { keepdims: 1 })]);
};

const normalise = (build: Build, vectors: string, output: string): void => {
  const { graph } = build;
  const squares = graph.node('ReduceSum', [graph.node('Mul', [vectors, vectors]), graph.integers('axis', [1], [1])], {
    keepdims: 1,
  });
  const least = scalar(build, 'least_length', 'l2_normalize/Maximum/y');
  graph.nodeOf('Div', [vectors, graph.node('Sqrt', [graph.node('Max', [squares, least])])], [output]);
};

const linear = (build: Build, name: string, input: string, kernel: string, bias: string): string => {
  const { graph, weights } = build;
  const { shape, values } = weights.find(bias);
  const product = graph.node('MatMul', [input, matrix(build, name, weights.find(kernel))]);
  return graph.node('Add', [product, graph.floats(`${name}_bias`, shape, values)]);
};

const matrix = ({ graph, precision }: Build, name: string, { shape, values }: Weight): string => {
  const [rows, columns] = sizesOf(shape);
  if (precision === 'float32') return graph.floats(`${name}_weights`, [rows, columns], values);
  const quantised = quantise(values, columns, 'column');
  const numbers = graph.bytes(`${name}_weights`, [rows, columns], quantised.values);
  return graph.node('DequantizeLinear', [numbers, graph.floats(`${name}_scales`, [columns], quantised.scales)], {
    axis: 1,
  });
};

const scalar = ({ graph, weights }: Build, name: string, ending: string): string =>
  graph.floats(name, [1], [weights.number(ending)]);

/** Rows and columns of a matrix; the original has some of them as convolutions of width 1. */
const sizesOf = (shape: readonly number[]): readonly [number, number] => {
  const [rows, columns] = shape.slice(-2);
  if (rows === undefined || columns === undefined) throw new Error(`a matrix has the shape [${shape.join(', ')}]`);
  return [rows, columns];
};
