import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { meanRows, modelFolder, toUnitLength, type Embedder, type EmbedderSetup } from './embedder.ts';

/** Of the tokenizer; its own types cannot be resolved by TypeScript as Node's resolution has it. */
type MakeTokenizer = new (
  tokenizer: object,
  config: object,
) => { encode(text: string): { readonly ids: readonly number[] } };

/** What a person writes who needs no more: tokenize, pad to the longest, run, take the vectors out. */
export const openBare = async ({ file, threads }: EmbedderSetup): Promise<Embedder> => {
  const json = async (name: string): Promise<object> =>
    JSON.parse(await readFile(path.join(modelFolder(file), name), 'utf8')) as object;
  const tokenizer = new (Tokenizer as unknown as MakeTokenizer)(
    await json('tokenizer.json'),
    await json('tokenizer_config.json'),
  );
  const session = await InferenceSession.create(file, {
    executionProviders: ['cpu'],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
  });
  const [first = ''] = session.outputNames;
  const output = session.outputNames.includes('sentence_embedding') ? 'sentence_embedding' : first;
  return {
    async embed(texts) {
      const rows = texts.map((text) => tokenizer.encode(text).ids);
      const longest = Math.max(...rows.map(({ length }) => length));
      const dims = [rows.length, longest];
      const [ids, mask] = [new BigInt64Array(rows.length * longest), new BigInt64Array(rows.length * longest)];
      for (const [row, tokens] of rows.entries())
        for (const [at, token] of tokens.entries()) {
          ids[row * longest + at] = BigInt(token);
          mask[row * longest + at] = 1n;
        }
      const feeds: Record<string, Tensor> = {
        input_ids: new Tensor('int64', ids, dims),
        attention_mask: new Tensor('int64', mask, dims),
      };
      if (session.inputNames.includes('token_type_ids'))
        feeds['token_type_ids'] = new Tensor('int64', new BigInt64Array(ids.length), dims);
      const tensor = (await session.run(feeds, [output]))[output];
      const values = tensor?.data as Float32Array;
      const size = tensor?.dims.at(-1) ?? 0;
      const vectors =
        tensor?.dims.length === 3
          ? meanRows(
              values,
              size,
              rows.map(({ length }) => length),
            )
          : rows.map((_, row) => values.slice(row * size, (row + 1) * size));
      return vectors.map(toUnitLength);
    },
    [Symbol.asyncDispose]: () => session.release(),
  };
};
