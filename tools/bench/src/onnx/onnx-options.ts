import { existsSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { golekEmbed } from '@golek/model-embed';
import { ArgumentError } from '../serving/serving-options.ts';
import type { CompareOptions } from './compare-sides.ts';
import { SIDES, type SideKind } from './side.ts';

export const ONNX_USAGE = `onnx [options]
  embeddings of 1,000 sentences of mixed lengths: Golek, @huggingface/transformers, and a loop over batches on the bare runtime
  --model FILE         default golek-embed; tokenizer.json and config.json beside it or one folder up
  --callers 1,8,64     that ask at the same time; the bare loop runs batches of as many sentences
  --sides LIST         of ${SIDES.map((side) => `'${side}'`).join(', ')} (separated by ;)
  --sentences 1000  --threads 1  --rounds 5  --max-rounds (default 3 times as many)
  --json FILE          results and samples`;

const whole = (flag: string, text: string): number => {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new ArgumentError(`--${flag} takes a whole number from 1, got '${text}'`);
  return value;
};

const sideOf = (text: string): SideKind => {
  const side = SIDES.find((name) => name === text.trim());
  if (!side) throw new ArgumentError(`there is no side '${text}'; there are: ${SIDES.join('; ')}`);
  return side;
};

export interface OnnxOptions extends CompareOptions {
  /** File for the results as JSON. */
  readonly json: string | undefined;
}

/** Throws ArgumentError. */
export const readOnnxArgs = (args: readonly string[]): OnnxOptions => {
  const string = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      model: { ...string, default: golekEmbed.path },
      callers: { ...string, default: '1,8,64' },
      sides: { ...string, default: SIDES.join(';') },
      sentences: { ...string, default: '1000' },
      threads: { ...string, default: '1' },
      rounds: { ...string, default: '5' },
      'max-rounds': string,
      json: string,
    },
  });
  const { model } = values;
  if (!existsSync(model)) throw new ArgumentError(`--model: there is no file '${model}'`);
  const rounds = whole('rounds', values.rounds);
  return {
    setup: { file: path.resolve(model), threads: whole('threads', values.threads) },
    sentences: whole('sentences', values.sentences),
    sides: values.sides.split(';').map(sideOf),
    callers: values.callers.split(',').map((text) => whole('callers', text)),
    rounds,
    maxRounds: values['max-rounds'] === undefined ? 3 * rounds : whole('max-rounds', values['max-rounds']),
    json: values.json,
  };
};
