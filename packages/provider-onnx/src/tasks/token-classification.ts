import type { ClassifyRequest, InferenceEvent, RunContext } from '@golek/providers-spi';
import type { Encoding, TextTokenizer } from '../text/text-tokenizer.ts';
import type { TokenBytes } from '../text/token-bytes.ts';
import { tokenSpans, type Span } from '../text/token-spans.ts';
import { surfacesOf, type WordRules } from '../text/token-surfaces.ts';
import { mostCertain, softmax } from './class-scores.ts';
import { textInputs } from './classify-inputs.ts';
import { entitiesOf, type LabelledToken } from './entities.ts';
import { cutWarning, encodeInputs, type InputRules } from './text-inputs.ts';
import { usageOf, type RowOutput, type TextRuns } from './text-runs.ts';

/** An open model as the classification of tokens uses it. */
export interface TokenClassifier {
  readonly rules: InputRules;
  readonly runs: TextRuns<Float64Array>;
  /** By number; those without a name are `LABEL_n`. */
  readonly labels: readonly string[];
  readonly bytes: TokenBytes;
  readonly words: WordRules;
}

/** The logits of all tokens of one input, one token after the other, of an output of [rows, tokens, classes]. */
export const readTokenLogits = ({ output, place }: RowOutput): Float64Array => {
  const [, tokens = 0, classes = 0] = output.dims;
  const from = (place.row * tokens + place.start) * classes;
  return new Float64Array(output.data.subarray(from, from + place.count * classes));
};

/** The entities of each input, in their order; with `top` the most certain ones. A warning where inputs were cut; the usage. */
export const classifyTokens = async function* (
  classifier: TokenClassifier,
  { inputs, top }: ClassifyRequest,
  context: RunContext,
): AsyncGenerator<InferenceEvent, void> {
  const { rules, runs } = classifier;
  const texts = textInputs(rules.name, inputs);
  const encodings = await encodeInputs(rules, texts, 'inputs', context.signal);
  const warning = cutWarning(encodings, 'inputs');
  if (warning !== undefined) yield { type: 'warning', message: warning };
  let index = 0;
  for await (const logits of runs.run(encodings, context)) {
    const [text = '', encoding] = [texts[index], encodings[index]];
    const entities = encoding ? entitiesOf(labelled(classifier, text, encoding, logits)) : [];
    for (const { label, score, start, end } of mostCertain(entities, top))
      yield { type: 'label', index, label, score, start, end };
    index++;
  }
  yield usageOf(encodings);
};

const labelled = (
  { rules: { tokenizer }, labels, bytes, words }: TokenClassifier,
  text: string,
  { ids, start, count, skipped }: Encoding,
  logits: Float64Array,
): readonly LabelledToken[] => {
  const classes = logits.length / ids.length;
  const spans = spansOf(tokenizer, bytes, words, text);
  const tokens = ids.slice(start, start + count);
  return tokens.map((token, place) => {
    const from = (start + place) * classes;
    const scores = softmax(logits.subarray(from, from + classes));
    const label = scores.indexOf(Math.max(...scores));
    const span = spans[skipped + place] ?? { start: text.length, end: text.length };
    const before = place > 0 ? spans[skipped + place - 1] : undefined;
    return {
      span,
      continues: before !== undefined && continues(tokenizer, words, text, token, before, span),
      label: labels[label] ?? `LABEL_${label}`,
      score: scores[label] ?? 0,
    };
  });
};

const spansOf = (tokenizer: TextTokenizer, bytes: TokenBytes, words: WordRules, text: string): readonly Span[] =>
  tokenSpans(text, surfacesOf(tokenizer.tokens(text), tokenizer, bytes, words), words.unknownIsWord);

const WORD_CHARACTER = /[\p{L}\p{N}\p{M}]/u;

/** Whether a token goes on with the word of the one before. */
const continues = (
  tokenizer: TextTokenizer,
  { continuation }: WordRules,
  text: string,
  token: number,
  before: Span,
  span: Span,
): boolean => {
  if (continuation !== undefined) return tokenizer.spelling(token)?.startsWith(continuation) === true;
  // Part of a character, which comes with a later token.
  if (span.end === span.start) return false;
  const last = text.slice(before.start, before.end).at(-1) ?? ' ';
  const first = text.at(span.start) ?? ' ';
  return before.end === span.start && WORD_CHARACTER.test(last) && WORD_CHARACTER.test(first);
};
