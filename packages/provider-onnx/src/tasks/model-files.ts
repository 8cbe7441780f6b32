import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { GolekError } from '@golek/providers-spi';
import { isObject, objectOf, type JsonObject } from '../text/json-fields.ts';

/** What stands beside a model, as Hugging Face's tools write it. */
export interface ModelFiles {
  readonly config: JsonObject;
  readonly tokenizer: JsonObject | undefined;
  /** tokenizer_config.json, with special_tokens_map.json for what it leaves open. */
  readonly tokenizerConfig: JsonObject;
  readonly generation: JsonObject;
  /** How pictures and recordings are made ready. */
  readonly preprocessor: JsonObject | undefined;
  /** Settings of sentence-transformers: how vectors are pooled, how long texts may be, and types of the steps after the model. */
  readonly pooling: JsonObject | undefined;
  readonly sentences: JsonObject | undefined;
  readonly steps: readonly string[];
  readonly chatTemplate: string | undefined;
}

const MAX_TOKENIZER_BYTES = 128 << 20;
const MAX_OTHER_BYTES = 4 << 20;

/** Reads them from the folder of the .onnx file, or from the one above where that is called `onnx`. Throws `model_invalid` for what is no JSON. */
export const readModelFiles = async (model: string, signal: AbortSignal): Promise<ModelFiles> => {
  const folder = path.dirname(model);
  const folders = path.basename(folder) === 'onnx' ? [folder, path.dirname(folder)] : [folder];
  const text = (name: string, limit = MAX_OTHER_BYTES): Promise<string | undefined> =>
    readFirst(
      folders.map((candidate) => path.join(candidate, name)),
      limit,
      signal,
    );
  const json = async (name: string, limit?: number): Promise<unknown> => {
    const content = await text(name, limit);
    try {
      return content === undefined ? undefined : (JSON.parse(content) as unknown);
    } catch (cause) {
      throw new GolekError(
        'model_invalid',
        `'${name}' beside '${model}' is not JSON: ${GolekError.from(cause).message}`,
        {
          cause,
          details: { file: name },
        },
      );
    }
  };
  const object = async (name: string, limit?: number): Promise<JsonObject | undefined> =>
    objectOf(await json(name, limit));
  const [
    config,
    tokenizer,
    tokenizerConfig,
    specials,
    generation,
    preprocessor,
    pooling,
    sentences,
    modules,
    template,
  ] = await Promise.all([
    object('config.json'),
    object('tokenizer.json', MAX_TOKENIZER_BYTES),
    object('tokenizer_config.json'),
    object('special_tokens_map.json'),
    object('generation_config.json'),
    object('preprocessor_config.json'),
    object('1_Pooling/config.json'),
    object('sentence_bert_config.json'),
    json('modules.json'),
    text('chat_template.jinja'),
  ]);
  const own = tokenizerConfig?.['chat_template'];
  return {
    config: config ?? {},
    tokenizer,
    tokenizerConfig: { ...specials, ...tokenizerConfig },
    generation: generation ?? {},
    preprocessor,
    pooling,
    sentences,
    steps: Array.isArray(modules)
      ? modules.filter(isObject).map(({ type }) => String(type).split('.').at(-1) ?? '')
      : [],
    chatTemplate: template ?? (typeof own === 'string' ? own : defaultTemplate(own)),
  };
};

/** Some configurations have several templates by name. */
const defaultTemplate = (templates: unknown): string | undefined => {
  if (!Array.isArray(templates)) return undefined;
  const found = templates.filter(isObject).find(({ name }) => name === 'default')?.['template'];
  return typeof found === 'string' ? found : undefined;
};

const readFirst = async (files: readonly string[], limit: number, signal: AbortSignal): Promise<string | undefined> => {
  for (const file of files) {
    const found = await stat(file).catch(() => undefined);
    if (!found?.isFile()) continue;
    if (found.size > limit)
      throw new GolekError('model_invalid', `'${file}' has ${found.size} bytes; at most ${limit} are read`, {
        details: { file },
      });
    try {
      return await readFile(file, { encoding: 'utf8', signal });
    } catch (cause) {
      if (signal.aborted) throw GolekError.from(signal.reason, 'cancelled');
      throw new GolekError('model_load_failed', `'${file}' cannot be read: ${GolekError.from(cause).message}`, {
        cause,
        details: { file },
      });
    }
  }
  return undefined;
};
