import type { LlamaModel } from 'node-llama-cpp';

/** The tokens by which a model is told what stands before and after the text that it fills in. */
export interface InfillTokens {
  readonly prefix: number;
  readonly suffix: number;
  readonly middle: number;
}

/** Those of the model's file, or that llama.cpp knows by their spelling; undefined for a model that was not taught to fill in. */
export const infillTokensOf = ({ tokens }: LlamaModel): InfillTokens | undefined => {
  const { prefix, suffix, middle } = tokens.infill;
  return prefix === null || suffix === null || middle === null ? undefined : { prefix, suffix, middle };
};

/** Prefix, suffix, then the place where the model goes on: the order that all models with these tokens were taught. */
export const infillPrompt = (
  marks: InfillTokens,
  prefix: readonly number[],
  suffix: readonly number[],
): readonly number[] => [marks.prefix, ...prefix, marks.suffix, ...suffix, marks.middle];
