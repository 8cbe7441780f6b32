import type { Span } from '../text/token-spans.ts';

/** A piece of a text and what it is. */
export interface Entity extends Span {
  readonly label: string;
  readonly score: number;
}

/** One token of a text and what the model takes it for. */
export interface LabelledToken {
  readonly span: Span;
  /** True: it goes on with the word of the token before. */
  readonly continues: boolean;
  readonly label: string;
  /** Probability of the label. */
  readonly score: number;
}

/** `B-` begins an entity and `I-` goes on with one; other schemes mark ends and single words as well. */
const TAG = /^([BIESLU])-(.+)$/;
const BEGINS: readonly string[] = ['B', 'S', 'U'];

/** What is of no kind. */
const OUTSIDE = 'O';

interface Draft {
  readonly label: string;
  readonly start: number;
  end: number;
  readonly scores: number[];
}

/** The entities of a text in their order. A word is what its first token is; neighbours of the same kind are one entity unless a tag begins anew. */
export const entitiesOf = (tokens: readonly LabelledToken[]): readonly Entity[] => {
  const entities: Draft[] = [];
  let current: Draft | undefined;
  for (const { span, continues, label: tagged, score } of tokens) {
    if (continues) {
      if (current) current.end = Math.max(current.end, span.end);
      continue;
    }
    const [, tag, label = tagged] = TAG.exec(tagged) ?? [];
    if (label === OUTSIDE) {
      current = undefined;
      continue;
    }
    if (!current || current.label !== label || (tag !== undefined && BEGINS.includes(tag))) {
      current = { label, start: span.start, end: span.end, scores: [] };
      entities.push(current);
    }
    current.end = Math.max(current.end, span.end);
    current.scores.push(score);
  }
  return entities
    .filter(({ start, end }) => end > start)
    .map(({ label, start, end, scores }) => ({
      label,
      start,
      end,
      score: scores.reduce((sum, score) => sum + score, 0) / scores.length,
    }));
};
