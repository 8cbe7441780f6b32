import type { BindingReport } from '@golek/provider-gguf';
import { probeProcess } from './probe-process.ts';

/** Asks llama.cpp in a child process; `binary` is an own build. Rejects when the process ends without an answer. */
export const probeBinding = (signal: AbortSignal, binary?: string): Promise<BindingReport> =>
  probeProcess<BindingReport>('binding-probe', 'llama.cpp', binary === undefined ? [] : [binary], signal);
