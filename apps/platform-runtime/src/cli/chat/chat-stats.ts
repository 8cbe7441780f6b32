import type { Usage } from '@golek/api';

/** Times and counts of one answer; tokens are the engine's own count. */
export interface AnswerStats {
  readonly usage: Usage;
  /** From the question to the first token, milliseconds. */
  readonly firstMs: number;
  /** From the first token to the end, milliseconds. */
  readonly restMs: number;
}

/** Tokens per second after the first one; undefined for an answer of one token. */
export const tokensPerSecond = ({ usage, restMs }: AnswerStats): number | undefined =>
  usage.completionTokens > 1 && restMs > 0 ? ((usage.completionTokens - 1) / restMs) * 1000 : undefined;

const rateText = (rate: number | undefined): string[] =>
  rate === undefined ? [] : [`${rate < 10 ? rate.toFixed(1) : Math.round(rate)} tokens/s`];

/** E.g. `37 tokens, 412 tokens/s, first after 0.03 s`. */
export const answerLine = (stats: AnswerStats): string =>
  [
    `${stats.usage.completionTokens} tokens`,
    ...rateText(tokensPerSecond(stats)),
    `first after ${(stats.firstMs / 1000).toFixed(2)} s`,
  ].join(', ');

/** Sums over the answers of a conversation. */
export class ChatStats {
  #answers: AnswerStats[] = [];

  add(stats: AnswerStats): void {
    this.#answers.push(stats);
  }

  reset(): void {
    this.#answers = [];
  }

  /** `contextLength`: tokens that the model holds, where known. */
  text(contextLength: number | undefined): string {
    const last = this.#answers.at(-1);
    if (!last) return 'no answers yet';
    const sum = (of: (stats: AnswerStats) => number): number =>
      this.#answers.reduce((total, stats) => total + of(stats), 0);
    const completionTokens = sum(({ usage }) => usage.completionTokens);
    const held = last.usage.promptTokens + last.usage.completionTokens;
    const rates = this.#answers.map(tokensPerSecond).filter((rate) => rate !== undefined);
    const mean = rates.length === 0 ? undefined : rates.reduce((total, rate) => total + rate, 0) / rates.length;
    return [
      `${this.#answers.length} answers`,
      `${completionTokens} tokens generated`,
      ...rateText(mean).map((rate) => `${rate} on average`),
      `conversation: ${held}${contextLength === undefined ? '' : ` of ${contextLength}`} tokens`,
    ].join(', ');
  }
}
