import { readFile } from 'node:fs/promises';
import { describeIssue, GenerateRequest, type OutputFormat, type Sampling } from '@golek/api';
import { InvalidArgumentError, type Command } from 'commander';
import { UsageError } from './exit-code.ts';

interface SamplingValues {
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly minP?: number;
  readonly seed?: number;
  readonly repeatPenalty?: number;
  readonly frequencyPenalty?: number;
  readonly presencePenalty?: number;
  readonly maxTokens?: number;
  readonly stop?: string[];
  readonly schema?: string;
}

const number = (text: string): number => {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('It is not a number.');
  return value;
};

const append = (value: string, all: readonly string[] | undefined): string[] => [...(all ?? []), value];

/** Adds the flags that choose how tokens are generated. */
export const withSampling = (command: Command): Command =>
  command
    .option('-t, --temperature <number>', 'randomness, 0 always takes the most probable token', number)
    .option('--top-p <number>', 'keep the tokens that make up this probability', number)
    .option('--top-k <number>', 'keep the k most probable tokens', number)
    .option('--min-p <number>', 'keep tokens this probable relative to the best one', number)
    .option('--seed <number>', 'the same seed gives the same answer', number)
    .option('--repeat-penalty <number>', 'above 1 repeats less', number)
    .option('--frequency-penalty <number>', '-2 to 2, for tokens that came often', number)
    .option('--presence-penalty <number>', '-2 to 2, for tokens that came at all', number)
    .option('-n, --max-tokens <number>', 'most tokens to generate', number)
    .option('--stop <text>', 'end the answer before this text; repeatable', append)
    .option('--schema <file>', 'answer in JSON that matches the JSON Schema of this file');

/** The part of a request that these flags decide. */
export type Generation = Pick<GenerateRequest, 'sampling' | 'output' | 'maxTokens' | 'stop'>;

/** Reads the flags; the schema file is read here. */
export const generationOf = async (command: Command): Promise<Generation> => {
  const { maxTokens, stop, schema, ...values } = command.opts<SamplingValues>();
  const sampling = samplingOf(values);
  return {
    ...(Object.keys(sampling).length > 0 && { sampling }),
    ...(maxTokens !== undefined && { maxTokens }),
    ...(stop !== undefined && { stop }),
    ...(schema !== undefined && { output: await readSchema(schema) }),
  };
};

const samplingOf = (values: SamplingValues): Sampling => {
  const { temperature, topP, topK, minP, seed, repeatPenalty, frequencyPenalty, presencePenalty } = values;
  const all = { temperature, topP, topK, minP, seed, repeatPenalty, frequencyPenalty, presencePenalty };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
};

const readSchema = async (file: string): Promise<OutputFormat> => {
  const text = await readFile(file, 'utf8').catch((thrown: unknown) => {
    throw new UsageError(`--schema: ${(thrown as Error).message}`);
  });
  try {
    const schema: unknown = JSON.parse(text);
    if (typeof schema === 'object' && schema !== null && !Array.isArray(schema)) {
      return { type: 'json-schema', schema: schema as Record<string, unknown> };
    }
  } catch (thrown) {
    throw new UsageError(`--schema: ${file} is not JSON: ${(thrown as Error).message}`);
  }
  throw new UsageError(`--schema: ${file} must hold a JSON object`);
};

/** Checks a request that was put together from flags. Throws UsageError that names the field and its range. */
export const checkedRequest = (request: GenerateRequest): GenerateRequest => {
  const { success, error } = GenerateRequest.safeParse(request);
  if (success) return request;
  throw new UsageError(describeIssue(error, request, () => []).message);
};
