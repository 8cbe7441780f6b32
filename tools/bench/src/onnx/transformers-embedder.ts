import path from 'node:path';
import { AutoModel, AutoTokenizer, env, mean_pooling, type Tensor } from '@huggingface/transformers';
import { modelFolder, type Embedder, type EmbedderSetup } from './embedder.ts';

/** The fastest way that @huggingface/transformers has: its tokenizer and model, without the checks of a pipeline. */
export const openTransformers = async ({ file, threads }: EmbedderSetup): Promise<Embedder> => {
  const folder = modelFolder(file);
  env.allowRemoteModels = false;
  env.localModelPath = `${path.dirname(folder)}/`;
  const name = path.basename(folder);
  const tokenizer = await AutoTokenizer.from_pretrained(name);
  const model = await AutoModel.from_pretrained(name, {
    subfolder: path.relative(folder, path.dirname(file)),
    model_file_name: path.basename(file, '.onnx'),
    // Adds nothing to the name.
    dtype: 'fp32',
    device: 'cpu',
    session_options: { intraOpNumThreads: threads, interOpNumThreads: 1 },
  });
  return {
    async embed(texts) {
      const inputs = tokenizer([...texts], { padding: true, truncation: true }) as Record<string, Tensor>;
      const outputs = (await model(inputs)) as Record<string, Tensor>;
      const pooled = outputs['sentence_embedding'] ?? mean_pooling(hidden(outputs), inputs['attention_mask'] as Tensor);
      const vectors = pooled.normalize(2, -1);
      const size = vectors.dims.at(-1) ?? 0;
      const values = vectors.data as Float32Array;
      return texts.map((_, row) => values.subarray(row * size, (row + 1) * size));
    },
    [Symbol.asyncDispose]: async () => {
      await model.dispose();
    },
  };
};

const hidden = (outputs: Readonly<Record<string, Tensor>>): Tensor => {
  const tensor = outputs['last_hidden_state'] ?? outputs['token_embeddings'];
  if (!tensor) throw new Error(`the model has no output of token vectors, but ${Object.keys(outputs).join(', ')}`);
  return tensor;
};
