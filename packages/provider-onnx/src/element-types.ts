import type { TensorType } from './graph.ts';

/** `TensorProto.DataType` of onnx.proto3, by number: the name in the ONNX specification, and what a request calls it where the binding can pass it. */
export const ELEMENT_TYPES: readonly { readonly name: string; readonly type?: TensorType }[] = [
  { name: 'undefined' },
  { name: 'float', type: 'FP32' },
  { name: 'uint8', type: 'UINT8' },
  { name: 'int8', type: 'INT8' },
  { name: 'uint16', type: 'UINT16' },
  { name: 'int16', type: 'INT16' },
  { name: 'int32', type: 'INT32' },
  { name: 'int64', type: 'INT64' },
  { name: 'string', type: 'BYTES' },
  { name: 'bool', type: 'BOOL' },
  { name: 'float16', type: 'FP16' },
  { name: 'double', type: 'FP64' },
  { name: 'uint32', type: 'UINT32' },
  { name: 'uint64', type: 'UINT64' },
  { name: 'complex64' },
  { name: 'complex128' },
  { name: 'bfloat16' },
  { name: 'float8e4m3fn' },
  { name: 'float8e4m3fnuz' },
  { name: 'float8e5m2' },
  { name: 'float8e5m2fnuz' },
  { name: 'uint4' },
  { name: 'int4' },
  { name: 'float4e2m1' },
  { name: 'float8e8m0' },
  { name: 'uint2' },
  { name: 'int2' },
];

export const elementName = (code: number): string => ELEMENT_TYPES[code]?.name ?? `element type ${code}`;
