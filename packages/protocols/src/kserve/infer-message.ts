import type { NamedTensor } from '@golek/api';
import type { Parameters } from './parameters.ts';

/** A request of the protocol, whichever way it came. */
export interface InferMessage {
  readonly model: string;
  /** Empty: any. */
  readonly version: string;
  /** Comes back in the answer; empty: none. */
  readonly id: string;
  readonly parameters: Parameters;
  readonly inputs: readonly NamedTensor[];
  /** Absent: all. */
  readonly outputs?: readonly string[];
}

/** An answer, or one of several where a model gives as many as it wants (decoupled). */
export interface InferAnswer {
  readonly model: string;
  readonly id: string;
  readonly parameters: Parameters;
  readonly outputs: readonly NamedTensor[];
}

/** Models have one version here. */
export const VERSION = '1';
