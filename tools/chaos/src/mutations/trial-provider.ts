import { collect, GolekError, type GenerateRequest } from '@golek/api';
import { createGgufProvider } from '@golek/provider-gguf';
import type { Provider } from '@golek/providers-spi';

/** What is to be tried beside loading the model and having it answer. */
export interface Trial {
  /** A LoRA adapter to answer with. */
  readonly adapter?: string;
  /** Where states of prompts are. */
  readonly stateFolder?: string;
  readonly prompt?: readonly number[];
  readonly maxTokens?: number;
  /** The only right answer. */
  readonly expected?: string;
}

/**
 * What a process imports that tries damaged files one after the other: its `inspect` loads the model, lets it answer and unloads it, so that a file costs no
 * process of its own unless it ends one.
 */
export const createTrialProvider = (): Provider => {
  const { capabilities } = createGgufProvider();
  return {
    id: 'gguf',
    capabilities,
    inspect: async ({ name, location, options }, { signal }) => {
      const { adapter, stateFolder, prompt, maxTokens = 4, expected } = (options ?? {}) as Trial;
      await using provider = createGgufProvider({
        threads: 1,
        gpu: false,
        parallel: 1,
        ...(stateFolder === undefined ? { contextSize: 64 } : { contextSize: 512, prefixCacheDir: stateFolder }),
      });
      const source = {
        name,
        location,
        ...(adapter !== undefined && { options: { adapters: { it: { path: adapter } } } }),
      };
      const manifest = await provider.inspect(source, { signal });
      await using session = await provider.open(source, { signal });
      const request: GenerateRequest = {
        task: 'generate',
        model: name,
        input: { type: 'text', prompt: prompt ? [...prompt] : 'Once' },
        maxTokens,
        sampling: { temperature: 0 },
        ...(adapter !== undefined && { adapters: [{ name: 'it' }] }),
      };
      const { choices } = await collect(session.run(request, { id: name, signal }));
      const answer = choices[0]?.text;
      if (expected !== undefined && answer !== expected)
        throw new GolekError('internal', `another answer: ${JSON.stringify(answer)}`);
      return manifest;
    },
    open: () => Promise.reject(new GolekError('unsupported', 'files are tried by inspect')),
    health: () => Promise.resolve({ status: 'ok' }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
};
