import type { ClassifyRequest, InferenceEvent } from '@golek/api';
import { countTokens } from './fake-tokens.ts';

/** From so many tokens on an input is certainly long. */
const LONG = 16;

/** Whether each input is long or short, the more probable label first, then the usage. */
export const fakeLabels = ({ inputs, top }: ClassifyRequest): InferenceEvent[] => {
  const lengths = inputs.map((input) => countTokens(typeof input === 'string' ? input : JSON.stringify(input.source)));
  const labels = lengths.flatMap((length, index) => {
    const long = Math.min(1, length / LONG);
    const both = [
      { type: 'label' as const, index, label: 'long', score: long },
      { type: 'label' as const, index, label: 'short', score: 1 - long },
    ];
    return both.sort((one, other) => other.score - one.score).slice(0, top);
  });
  const promptTokens = lengths.reduce((sum, length) => sum + length, 0);
  return [...labels, { type: 'usage', usage: { promptTokens, completionTokens: 0 } }];
};
