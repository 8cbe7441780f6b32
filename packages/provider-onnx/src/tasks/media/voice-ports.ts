import type { TensorPort } from '../../graph.ts';

/** The graph of Silero VAD from version 5 on: a frame, what was before it, a state that goes from frame to frame, and the rate. */
export interface VoicePorts {
  readonly input: TensorPort;
  readonly state: TensorPort;
  readonly rate: TensorPort;
  readonly output: TensorPort;
  readonly nextState: TensorPort;
}

/** Layers and components of the state of one recording: [2, recordings, 128]. */
export const LAYERS = 2;
export const COMPONENTS = 128;

/** Undefined for any other graph. */
export const voicePorts = (inputs: readonly TensorPort[], outputs: readonly TensorPort[]): VoicePorts | undefined => {
  const find = (ports: readonly TensorPort[], name: string, type: TensorPort['type'], rank: number) =>
    ports.find((port) => port.name === name && port.type === type && (port.anyRank || port.dims.length === rank));
  const input = find(inputs, 'input', 'FP32', 2);
  const state = find(inputs, 'state', 'FP32', 3);
  const rate = find(inputs, 'sr', 'INT64', 0);
  const output = find(outputs, 'output', 'FP32', 2);
  const nextState = find(outputs, 'stateN', 'FP32', 3);
  if (inputs.length !== 3 || !input || !state || !rate || !output || !nextState) return undefined;
  if (state.dims[0] !== LAYERS || state.dims[2] !== COMPONENTS) return undefined;
  return { input, state, rate, output, nextState };
};
