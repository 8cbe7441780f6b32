import { createIsolatedOnnxProvider, createOnnxProvider } from '@golek/provider-onnx';
import type { Embedder, EmbedderSetup } from './embedder.ts';

/** Golek's provider as a program uses it: in its own process, or with the engine in another one. */
export const openGolek = async (
  { file, threads }: EmbedderSetup,
  { isolated }: { readonly isolated: boolean },
): Promise<Embedder> => {
  const provider = (isolated ? createIsolatedOnnxProvider : createOnnxProvider)({ threads, executionProvider: 'cpu' });
  const { signal } = new AbortController();
  const session = await provider.open({ name: 'bench', location: file }, { signal });
  return {
    async embed(texts) {
      const vectors: Float32Array[] = [];
      const request = { task: 'embed' as const, model: 'bench', inputs: [...texts] };
      for await (const event of session.run(request, { id: 'bench', signal }))
        if (event.type === 'embedding') vectors[event.index] = event.vector;
      return vectors;
    },
    [Symbol.asyncDispose]: () => provider[Symbol.asyncDispose](),
  };
};
