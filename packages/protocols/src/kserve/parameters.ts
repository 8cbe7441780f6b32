import { GolekError } from '@golek/api';
import type { InferParameter } from './wire/grpc-service.ts';

/** What a request says beside its tensors, by name. */
export type Parameters = Readonly<Record<string, string | number | boolean>>;

const numberOf = (name: string, value: bigint): number => {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw new GolekError(
    'invalid_request',
    `the parameter '${name.slice(0, 256)}' is ${value}; whole numbers go up to ±2^53`,
  );
};

const valueOf = (name: string, { parameterChoice }: InferParameter): string | number | boolean => {
  if (parameterChoice === undefined)
    throw new GolekError('invalid_request', `the parameter '${name.slice(0, 256)}' has no value`);
  const { value } = parameterChoice;
  return typeof value === 'bigint' ? numberOf(name, value) : value;
};

/** Throws `invalid_request` for a value that is none or cannot be counted. */
export const readParameters = (parameters: ReadonlyMap<string, InferParameter>): Parameters =>
  Object.fromEntries([...parameters].map(([name, parameter]) => [name, valueOf(name, parameter)]));

const choiceOf = (value: string | number | boolean): InferParameter['parameterChoice'] => {
  if (typeof value === 'string') return { $case: 'stringParam', value };
  if (typeof value === 'boolean') return { $case: 'boolParam', value };
  return Number.isSafeInteger(value) ? { $case: 'int64Param', value: BigInt(value) } : { $case: 'doubleParam', value };
};

export const wireParameters = (parameters: Parameters): Map<string, InferParameter> =>
  new Map(Object.entries(parameters).map(([name, value]) => [name, { parameterChoice: choiceOf(value) }]));
