import type {
  InferParameter,
  ModelInferRequest,
  ModelInferResponse,
  ModelInferResponse_InferOutputTensor as WireTensor,
} from '@golek/protocols/kserve/wire';

/** A tensor and its bytes. */
type Tensor = readonly [tensor: WireTensor, bytes: Uint8Array];

export const tensor = (name: string, datatype: string, shape: readonly number[], bytes: Uint8Array): Tensor => [
  { name, datatype, shape: shape.map(BigInt), parameters: new Map(), contents: undefined },
  bytes,
];

/** One element of BYTES. */
const element = (text: string): Buffer => {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  return Buffer.concat([length, bytes]);
};

const text = (name: string, value: string): Tensor => tensor(name, 'BYTES', [1], element(value));

const count = (name: string, value: number): Tensor =>
  tensor(name, 'UINT32', [1], new Uint8Array(Uint32Array.of(value).buffer));

const flag = (value: boolean): InferParameter => ({ parameterChoice: { $case: 'boolParam', value } });

export const answer = (
  { modelName, id }: Pick<ModelInferRequest, 'modelName' | 'id'>,
  tensors: readonly Tensor[],
  final?: boolean,
): ModelInferResponse => ({
  modelName,
  modelVersion: '1',
  id,
  parameters: new Map(final === undefined ? [] : [['triton_final_response', flag(final)]]),
  outputs: tensors.map(([head]) => head),
  rawOutputContents: tensors.map(([, bytes]) => bytes),
});

/** What a request for text says; undefined for one of tensors. */
export const promptIn = ({ inputs, rawInputContents }: ModelInferRequest): string | undefined => {
  const index = inputs.findIndex(({ name }) => name === 'text_input');
  const bytes = rawInputContents[index];
  return bytes && Buffer.from(bytes).subarray(4).toString();
};

/** The words of the prompt said back, one answer each; tensors as they came in one. */
export const rightAnswers = (
  request: ModelInferRequest,
  { words: wanted, final = true, reason = true }: { words?: number; final?: boolean; reason?: boolean },
): ModelInferResponse[] => {
  const prompt = promptIn(request);
  if (prompt === undefined) {
    const tensors = request.inputs.map((head, index): Tensor => [
      { ...head, parameters: new Map(), contents: undefined },
      request.rawInputContents[index] ?? new Uint8Array(0),
    ]);
    return [answer(request, tensors)];
  }
  const words =
    wanted === undefined
      ? (prompt.match(/\S+\s*/g) ?? [])
      : Array.from({ length: wanted }, (_, index) => `word${index} `);
  return words.map((word, index) => {
    const isLast = index === words.length - 1;
    const tensors = [
      text('text_output', word),
      ...(reason ? [text('finish_reason', isLast ? 'stop' : '')] : []),
      count('num_input_tokens', words.length),
      count('num_output_tokens', 1),
    ];
    return answer(request, tensors, final ? isLast : undefined);
  });
};

const PORT = (name: string, datatype: string, shape: readonly number[]) => ({
  name,
  datatype,
  shape: shape.map(BigInt),
});

/** vLLM's tensors for models that are asked for text; `x` for those whose name begins with `tensor`. */
export const portsOf = (model: string) =>
  model.startsWith('tensor-')
    ? { inputs: [PORT('x', 'INT8', [-1])], outputs: [PORT('x', 'INT8', [-1])] }
    : {
        inputs: [
          PORT('text_input', 'BYTES', [1]),
          PORT('stream', 'BOOL', [1]),
          PORT('exclude_input_in_output', 'BOOL', [1]),
          PORT('sampling_parameters', 'BYTES', [1]),
        ],
        outputs: [PORT('text_output', 'BYTES', [-1])],
      };
