import { TensorType, type ModelManifest, type TensorPort } from '@golek/api';
import { z } from 'zod';
import { VERSION } from './infer-message.ts';
import { EMBED_INPUTS, EMBED_OUTPUTS, TEXT_INPUTS, TEXT_OUTPUTS } from './text-ports.ts';
import {
  DataType,
  type ModelConfig,
  type ModelMetadataResponse,
  type ModelMetadataResponse_TensorMetadata as WirePort,
} from './wire/grpc-service.ts';

/** What a model takes and gives, as the protocol describes it. */
interface Ports {
  readonly inputs: readonly TensorPort[];
  readonly outputs: readonly TensorPort[];
}

/** Text in and out for a model that generates, its own tensors where they are known, else texts to vectors. */
const portsOf = ({ tasks, inputs, outputs }: ModelManifest): Ports => {
  if (tasks.includes('generate')) return { inputs: TEXT_INPUTS, outputs: TEXT_OUTPUTS };
  if (inputs && outputs) return { inputs, outputs };
  return tasks.includes('embed') ? { inputs: EMBED_INPUTS, outputs: EMBED_OUTPUTS } : { inputs: [], outputs: [] };
};

const RestPort = z.strictObject({ name: z.string(), datatype: z.string(), shape: z.array(z.int()) });

/** The answer of GET /v2/models/{model}. */
export const ModelMetadata = z
  .strictObject({
    name: z.string(),
    versions: z.array(z.string()),
    platform: z.string(),
    inputs: z.array(RestPort),
    outputs: z.array(RestPort),
  })
  .meta({ id: 'KserveModelMetadata' });

/** Any size where the model does not say. */
const shapeOf = ({ shape }: TensorPort): number[] => [...(shape ?? [-1])];

const restPort = (port: TensorPort): z.infer<typeof RestPort> => ({
  name: port.name,
  datatype: port.type,
  shape: shapeOf(port),
});

const platformOf = ({ format, provider }: ModelManifest): string => `golek_${format ?? provider}`;

export const modelMetadata = (manifest: ModelManifest): z.infer<typeof ModelMetadata> => {
  const { inputs, outputs } = portsOf(manifest);
  return {
    name: manifest.name,
    versions: [VERSION],
    platform: platformOf(manifest),
    inputs: inputs.map(restPort),
    outputs: outputs.map(restPort),
  };
};

export const modelMetadataResponse = (manifest: ModelManifest): ModelMetadataResponse => {
  const wire = ({ name, datatype, shape }: z.infer<typeof RestPort>): WirePort => ({
    name,
    datatype,
    shape: shape.map(BigInt),
  });
  const { inputs, outputs, ...described } = modelMetadata(manifest);
  return { ...described, inputs: inputs.map(wire), outputs: outputs.map(wire) };
};

const DATA_TYPES: Readonly<Record<TensorType, keyof typeof DataType>> = {
  BOOL: 'TYPE_BOOL',
  UINT8: 'TYPE_UINT8',
  UINT16: 'TYPE_UINT16',
  UINT32: 'TYPE_UINT32',
  UINT64: 'TYPE_UINT64',
  INT8: 'TYPE_INT8',
  INT16: 'TYPE_INT16',
  INT32: 'TYPE_INT32',
  INT64: 'TYPE_INT64',
  FP16: 'TYPE_FP16',
  BF16: 'TYPE_BF16',
  FP32: 'TYPE_FP32',
  FP64: 'TYPE_FP64',
  BYTES: 'TYPE_STRING',
};

const ConfigPort = z.strictObject({
  name: z.string(),
  data_type: z.string(),
  dims: z.array(z.int()),
  optional: z.boolean().exactOptional(),
});

/** The answer of GET /v2/models/{model}/config: what Golek knows of Triton's model configuration. */
export const ModelConfigBody = z
  .strictObject({
    name: z.string(),
    platform: z.string(),
    backend: z.string(),
    max_batch_size: z.literal(0).describe('Shapes are whole: no dimension is added for a batch.'),
    input: z.array(ConfigPort),
    output: z.array(ConfigPort.omit({ optional: true })),
    model_transaction_policy: z
      .strictObject({ decoupled: z.boolean() })
      .describe('Whether an answer may come in several pieces.'),
  })
  .meta({ id: 'KserveModelConfig' });

export const modelConfig = (manifest: ModelManifest): z.infer<typeof ModelConfigBody> => {
  const { inputs, outputs } = portsOf(manifest);
  return {
    name: manifest.name,
    platform: platformOf(manifest),
    backend: manifest.provider,
    max_batch_size: 0,
    input: inputs.map((port) => ({
      name: port.name,
      data_type: DATA_TYPES[port.type],
      dims: shapeOf(port),
      ...(port.optional === true && { optional: true }),
    })),
    output: outputs.map((port) => ({ name: port.name, data_type: DATA_TYPES[port.type], dims: shapeOf(port) })),
    model_transaction_policy: { decoupled: manifest.tasks.includes('generate') },
  };
};

export const modelConfigMessage = (manifest: ModelManifest): ModelConfig => {
  const { inputs, outputs } = portsOf(manifest);
  const {
    name,
    platform,
    backend,
    max_batch_size: maxBatchSize,
    model_transaction_policy: modelTransactionPolicy,
  } = modelConfig(manifest);
  return {
    name,
    platform,
    backend,
    maxBatchSize,
    input: inputs.map((port) => ({
      name: port.name,
      dataType: DataType[DATA_TYPES[port.type]],
      dims: shapeOf(port).map(BigInt),
      optional: port.optional === true,
    })),
    output: outputs.map((port) => ({
      name: port.name,
      dataType: DataType[DATA_TYPES[port.type]],
      dims: shapeOf(port).map(BigInt),
    })),
    modelTransactionPolicy,
  };
};

/** A tensor of a model as a server describes it. */
interface DescribedPort {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly (number | bigint)[];
}

/** What a server says that a model takes or gives. Types that Golek does not know cannot be passed: their tensors are left out. */
export const readPorts = (ports: readonly DescribedPort[], optional: ReadonlySet<string>): TensorPort[] =>
  ports.flatMap(({ name, datatype, shape }) => {
    const type = TensorType.safeParse(datatype);
    if (!type.success || name === '') return [];
    const port: TensorPort = { name, type: type.data, shape: shape.map((size) => Math.max(-1, Number(size))) };
    return optional.has(name) ? { ...port, optional: true } : port;
  });
