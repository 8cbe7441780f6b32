import { LENGTH, OnnxFormatError, VARINT, type ProtobufFile } from './protobuf-file.ts';
import { elementName } from './element-types.ts';

/** What a value of a graph is. */
export type ValueType =
  | {
      readonly kind: 'tensor';
      /** `TensorProto.DataType`. */
      readonly element: number;
      /** Undefined where the graph does not say how many dimensions there are. */
      readonly dims: readonly (number | string | undefined)[] | undefined;
    }
  /** A sequence, map, optional or sparse tensor, as the specification writes it: `seq(map(int64, tensor(float)))`. */
  | { readonly kind: 'other'; readonly what: string };

export interface GraphValue {
  readonly name: string;
  readonly type: ValueType;
}

/** Data of a tensor that is in a file of its own. */
export interface ExternalData {
  readonly tensor: string;
  readonly location: string;
  readonly offset: number;
  readonly length: number | undefined;
}

/** What an ONNX file says of itself; the weights are not read. */
export interface OnnxHeader {
  readonly irVersion: number;
  readonly producer: string;
  readonly opsets: readonly { readonly domain: string; readonly version: number }[];
  readonly metadata: ReadonlyMap<string, string>;
  readonly nodes: number;
  /** Values that a softmax or a sigmoid makes: probabilities already. */
  readonly probabilities: ReadonlySet<string>;
  /** Without those that the graph has values for. */
  readonly inputs: readonly GraphValue[];
  readonly outputs: readonly GraphValue[];
  /** Elements of the graph's weights by their type. */
  readonly elements: ReadonlyMap<number, number>;
  readonly external: readonly ExternalData[];
}

const MAX_NAME = 64 << 10;
const MAX_METADATA_TEXT = 16 << 20;
const MAX_METADATA_TOTAL = 64 << 20;
const MAX_VALUES = 16_384;
const MAX_RANK = 1_024;
const MAX_WEIGHTS = 1 << 20;
const MAX_DEPTH = 8;

interface Draft {
  irVersion: number | undefined;
  producer: string;
  graphs: number;
  nodes: number;
  readonly opsets: { domain: string; version: number }[];
  readonly metadata: Map<string, string>;
  metadataBytes: number;
  readonly probabilities: Set<string>;
  readonly inputs: GraphValue[];
  readonly outputs: GraphValue[];
  readonly weights: Set<string>;
  readonly elements: Map<number, number>;
  readonly external: ExternalData[];
}

/** Calls `visit` for each field of the message from the present position to `end`; what it leaves unread is skipped. */
const fields = async (
  file: ProtobufFile,
  end: number,
  visit: (number: number) => Promise<void> | undefined,
): Promise<void> => {
  while (file.position < end) {
    if (!file.ready) await file.fill();
    file.next(end);
    const fieldEnd = file.end;
    const work = visit(file.number);
    if (work) await work;
    file.position = fieldEnd;
  }
};

/** Reads the header (field numbers: onnx.proto3 of ONNX 1.19). Throws `OnnxFormatError`. */
export const readOnnxHeader = async (file: ProtobufFile): Promise<OnnxHeader> => {
  const draft: Draft = {
    irVersion: undefined,
    producer: '',
    graphs: 0,
    nodes: 0,
    opsets: [],
    metadata: new Map(),
    metadataBytes: 0,
    probabilities: new Set(),
    inputs: [],
    outputs: [],
    weights: new Set(),
    elements: new Map(),
    external: [],
  };
  await fields(file, file.size, (number) => {
    switch (number) {
      case 1:
        file.expect(VARINT, 'the version of the format');
        draft.irVersion = file.value;
        return undefined;
      case 2:
        return file.text(MAX_NAME, "the producer's name").then((name) => void (draft.producer = name));
      case 7:
        file.expect(LENGTH, 'the graph');
        if (++draft.graphs > 1) throw new OnnxFormatError('it has two graphs');
        return readGraph(file, file.end, draft);
      case 8:
        file.expect(LENGTH, 'the operator sets');
        return readOpset(file, file.end, draft);
      case 14:
        file.expect(LENGTH, 'the metadata');
        return readMetadata(file, file.end, draft);
      default:
        return undefined;
    }
  });
  const { irVersion, inputs, weights } = draft;
  if (irVersion === undefined || irVersion < 1)
    throw new OnnxFormatError('it does not say which version of the format it has');
  if (draft.graphs === 0) throw new OnnxFormatError('it has no graph');
  if (draft.outputs.length === 0) throw new OnnxFormatError('its graph has no outputs');
  return { ...draft, irVersion, inputs: inputs.filter(({ name }) => !weights.has(name)) };
};

const readOpset = async (file: ProtobufFile, end: number, draft: Draft): Promise<void> => {
  let domain = '';
  let version = 0;
  await fields(file, end, (number) => {
    if (number === 1) return file.text(MAX_NAME, "an operator set's name").then((text) => void (domain = text));
    if (number === 2) version = file.value;
    return undefined;
  });
  if (draft.opsets.push({ domain, version }) > MAX_VALUES) throw new OnnxFormatError('it has too many operator sets');
};

const readMetadata = async (file: ProtobufFile, end: number, draft: Draft): Promise<void> => {
  draft.metadataBytes += end - file.position;
  if (draft.metadataBytes > MAX_METADATA_TOTAL)
    throw new OnnxFormatError(`its metadata has more than ${MAX_METADATA_TOTAL} bytes`);
  const entry = await readEntry(file, end, MAX_METADATA_TEXT);
  draft.metadata.set(entry.key, entry.value);
};

const readEntry = async (file: ProtobufFile, end: number, limit: number): Promise<{ key: string; value: string }> => {
  const entry = { key: '', value: '' };
  await fields(file, end, (number) => {
    if (number === 1) return file.text(MAX_NAME, 'a key').then((text) => void (entry.key = text));
    if (number === 2) return file.text(limit, `the value of '${entry.key}'`).then((text) => void (entry.value = text));
    return undefined;
  });
  return entry;
};

const readGraph = (file: ProtobufFile, graphEnd: number, draft: Draft): Promise<void> =>
  fields(file, graphEnd, (number) => {
    switch (number) {
      case 1:
        draft.nodes++;
        file.expect(LENGTH, 'a node');
        return readNode(file, file.end, draft);
      case 5:
        file.expect(LENGTH, 'a weight');
        return readWeight(file, file.end, draft);
      case 11:
        file.expect(LENGTH, 'an input');
        return readValue(file, file.end, draft.inputs);
      case 12:
        file.expect(LENGTH, 'an output');
        return readValue(file, file.end, draft.outputs);
      default:
        return undefined;
    }
  });

/** Only what it is and what it makes. */
const readNode = async (file: ProtobufFile, end: number, draft: Draft): Promise<void> => {
  let operator = '';
  const outputs: string[] = [];
  await fields(file, end, (number) => {
    if (number === 4) return file.text(MAX_NAME, 'the operator of a node').then((text) => void (operator = text));
    if (number !== 2 || outputs.length > MAX_VALUES) return undefined;
    return file.text(MAX_NAME, 'an output of a node').then((text) => void outputs.push(text));
  });
  if (operator !== 'Softmax' && operator !== 'Sigmoid') return;
  if (draft.probabilities.size <= MAX_VALUES) for (const output of outputs) draft.probabilities.add(output);
};

const readWeight = async (file: ProtobufFile, end: number, draft: Draft): Promise<void> => {
  let name = '';
  let element = 0;
  let count = 1;
  let rank = 0;
  const stored: { key: string; value: string }[] = [];
  await fields(file, end, (number) => {
    switch (number) {
      case 1:
        return file.numbers(MAX_RANK, 'the shape of a weight').then((dims) => {
          rank += dims.length;
          if (rank > MAX_RANK) throw new OnnxFormatError(`a weight has more than ${MAX_RANK} dimensions`);
          for (const dim of dims) {
            if (dim < 0) throw new OnnxFormatError(`a weight has the size ${dim}`);
            count *= dim;
          }
        });
      case 2:
        element = file.value;
        return undefined;
      case 8:
        return file.text(MAX_NAME, 'the name of a weight').then((text) => void (name = text));
      case 13:
        file.expect(LENGTH, 'the place of a weight');
        if (stored.length > 16) throw new OnnxFormatError(`the place of weight '${name}' has too many entries`);
        return readEntry(file, file.end, MAX_NAME).then((entry) => void stored.push(entry));
      default:
        return undefined;
    }
  });
  if (!Number.isSafeInteger(count)) throw new OnnxFormatError(`weight '${name}' has ${count} elements`);
  if (draft.weights.add(name).size > MAX_WEIGHTS) throw new OnnxFormatError(`it has more than ${MAX_WEIGHTS} weights`);
  draft.elements.set(element, (draft.elements.get(element) ?? 0) + count);
  if (stored.length > 0) draft.external.push(externalData(name, new Map(stored.map(({ key, value }) => [key, value]))));
};

const externalData = (tensor: string, entries: ReadonlyMap<string, string>): ExternalData => {
  const number = (key: string): number | undefined => {
    const text = entries.get(key);
    if (text === undefined) return undefined;
    if (!/^\d{1,15}$/.test(text))
      throw new OnnxFormatError(`the ${key} of weight '${tensor}' is '${text.slice(0, 40)}', not a number`);
    return Number(text);
  };
  const location = entries.get('location');
  if (!location) throw new OnnxFormatError(`weight '${tensor}' is in a file that is not named`);
  return { tensor, location, offset: number('offset') ?? 0, length: number('length') };
};

const readValue = async (file: ProtobufFile, end: number, into: GraphValue[]): Promise<void> => {
  let name = '';
  let type: ValueType | undefined;
  await fields(file, end, (number) => {
    if (number === 1) return file.text(MAX_NAME, 'the name of an input or output').then((text) => void (name = text));
    if (number !== 2) return undefined;
    file.expect(LENGTH, 'the type of an input or output');
    return readType(file, file.end, 0).then((read) => void (type = read));
  });
  if (name === '') throw new OnnxFormatError('an input or output has no name');
  if (into.some((other) => other.name === name))
    throw new OnnxFormatError(`two inputs or outputs are called '${name}'`);
  // Outputs may leave their type to be inferred; the runtime tells it when the model is open.
  if (into.push({ name, type: type ?? { kind: 'tensor', element: 0, dims: undefined } }) > MAX_VALUES)
    throw new OnnxFormatError(`it has more than ${MAX_VALUES} inputs or outputs`);
};

const readType = async (file: ProtobufFile, end: number, depth: number): Promise<ValueType | undefined> => {
  if (depth > MAX_DEPTH) throw new OnnxFormatError('the type of an input or output is nested too deeply');
  let type: ValueType | undefined;
  await fields(file, end, (number) => {
    if (file.wire !== LENGTH) return undefined;
    const inner = file.end;
    switch (number) {
      case 1:
        return readTensorType(file, inner).then((read) => void (type = read));
      case 4:
      case 9:
        return readElementType(file, inner, depth).then((read) => {
          type = { kind: 'other', what: `${number === 4 ? 'seq' : 'optional'}(${read})` };
        });
      case 5:
        return readMapType(file, inner, depth).then((what) => void (type = { kind: 'other', what }));
      case 8:
        return readTensorType(file, inner).then(
          (read) => void (type = { kind: 'other', what: `sparse_${describeType(read)}` }),
        );
      default:
        return undefined;
    }
  });
  return type;
};

export const describeType = (type: ValueType | undefined): string => {
  if (type === undefined) return 'unknown';
  return type.kind === 'other' ? type.what : `tensor(${elementName(type.element)})`;
};

const readElementType = async (file: ProtobufFile, end: number, depth: number): Promise<string> => {
  let what = 'unknown';
  await fields(file, end, (number) => {
    if (number !== 1 || file.wire !== LENGTH) return undefined;
    return readType(file, file.end, depth + 1).then((type) => void (what = describeType(type)));
  });
  return what;
};

const readMapType = async (file: ProtobufFile, end: number, depth: number): Promise<string> => {
  let key = 0;
  let value = 'unknown';
  await fields(file, end, (number) => {
    if (number === 1) key = file.value;
    if (number !== 2 || file.wire !== LENGTH) return undefined;
    return readType(file, file.end, depth + 1).then((type) => void (value = describeType(type)));
  });
  return `map(${elementName(key)}, ${value})`;
};

const readTensorType = async (file: ProtobufFile, end: number): Promise<Extract<ValueType, { kind: 'tensor' }>> => {
  let element = 0;
  let dims: (number | string | undefined)[] | undefined;
  await fields(file, end, (number) => {
    if (number === 1) element = file.value;
    if (number !== 2 || file.wire !== LENGTH) return undefined;
    const read: (number | string | undefined)[] = [];
    dims = read;
    return fields(file, file.end, (part) => {
      if (part !== 1 || file.wire !== LENGTH) return undefined;
      if (read.length >= MAX_RANK) throw new OnnxFormatError(`an input or output has more than ${MAX_RANK} dimensions`);
      return readDim(file, file.end).then((dim) => void read.push(dim));
    });
  });
  return { kind: 'tensor', element, dims };
};

const readDim = async (file: ProtobufFile, end: number): Promise<number | string | undefined> => {
  let dim: number | string | undefined;
  await fields(file, end, (number) => {
    if (number === 1 && file.wire === VARINT) dim = file.value >= 0 ? file.value : undefined;
    if (number !== 2) return undefined;
    return file.text(MAX_NAME, 'the name of a size').then((text) => void (dim = text === '' ? undefined : text));
  });
  return dim;
};
