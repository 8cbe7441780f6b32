import { GolekError } from '@golek/providers-spi';
import { ELEMENT_TYPES, elementName } from './element-types.ts';
import type { TensorPort, TensorType } from './graph.ts';
import type { OnnxFile } from './onnx-file.ts';
import { describeType, type GraphValue } from './onnx-header.ts';

/** An output that no request can have, and what it is. */
export interface OtherPort {
  readonly name: string;
  readonly what: string;
}

export interface GraphPorts {
  readonly inputs: readonly TensorPort[];
  readonly outputs: readonly TensorPort[];
  /** Sequences, maps and the like; the other outputs can be asked for by name. */
  readonly others: readonly OtherPort[];
}

/** Throws `unsupported` for inputs and outputs that keep a model from being used at all, with the remedy. */
export const refusePorts = (model: string, { header }: OnnxFile): void => {
  const refuse = (what: string, remedy: string): never => {
    throw new GolekError('unsupported', `model '${model}' has the ${what}; ${remedy}`, { details: { model } });
  };
  const check = (what: 'input' | 'output', { name, type }: GraphValue): void => {
    if (type.kind === 'other') {
      if (what === 'input')
        refuse(`input '${name}' of the type ${type.what}`, 'only tensors can be passed: export the model without it');
    } else if (!ELEMENT_TYPES[type.element]?.type && !(what === 'output' && type.element === 0))
      refuse(
        `${what} '${name}' of the type tensor(${elementName(type.element)})`,
        'ONNX Runtime for Node.js cannot pass it: export the model with a cast to float or float16',
      );
  };
  for (const value of header.inputs) check('input', value);
  for (const value of header.outputs) check('output', value);
};

/** The inputs and outputs of a model that `refusePorts` lets pass; `told` are the types of outputs that the runtime has inferred, for those that the file leaves open. */
export const portsOf = (model: string, { header }: OnnxFile, told: ReadonlyMap<string, TensorType>): GraphPorts => {
  const inputs: TensorPort[] = [];
  const outputs: TensorPort[] = [];
  const others: OtherPort[] = [];
  const add = ({ name, type }: GraphValue, into: TensorPort[]): void => {
    if (type.kind === 'other') return void others.push({ name, what: describeType(type) });
    const known = ELEMENT_TYPES[type.element]?.type ?? told.get(name);
    if (!known) return void others.push({ name, what: `of a type that the file of model '${model}' leaves open` });
    into.push({
      name,
      type: known,
      dims: type.dims ?? [],
      anyRank: type.dims === undefined,
      ...(header.probabilities.has(name) && { isProbability: true }),
    });
  };
  for (const value of header.inputs) add(value, inputs);
  for (const value of header.outputs) add(value, outputs);
  return { inputs, outputs, others };
};
