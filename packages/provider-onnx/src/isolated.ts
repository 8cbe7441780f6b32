import type { Provider } from '@golek/providers-spi';
import { isolatedProvider, type IsolationLimits } from '@golek/providers-spi/isolation';
import { DEFAULT_ID, ONNX_CAPABILITIES } from './capabilities.ts';
import { checkProviderOptions, type OnnxProviderOptions } from './options.ts';

export interface IsolatedOnnxProviderOptions extends OnnxProviderOptions {
  /** Bounds of the engine processes: restarts, time limits, sizes. */
  readonly limits?: Partial<IsolationLimits>;
}

/** The binding loads and runs a graph without giving the thread free in between, so that a long run looks like an engine that hangs. */
const HANG_MS = 300_000;

/**
 * Makes a provider that runs each ONNX model in a supervised process of its own: a crash, an out-of-memory kill or a malicious file ends the runs of that model with
 * `engine_crashed` and nothing else, and closing a model gives all of its memory back. Throws `config_invalid` for wrong options.
 */
export const createIsolatedOnnxProvider = ({
  limits,
  log,
  ...settings
}: IsolatedOnnxProviderOptions = {}): Provider => {
  checkProviderOptions(settings);
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return isolatedProvider({
    id: settings.id ?? DEFAULT_ID,
    capabilities: ONNX_CAPABILITIES,
    module: new URL(`./engine-child.${extension}`, import.meta.url),
    exportName: 'createEngineProvider',
    options: settings,
    ...(log && { log }),
    limits: { hangMs: HANG_MS, ...limits },
  });
};
