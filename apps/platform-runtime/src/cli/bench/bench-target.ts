/** What an answer says at its end, by the engine's own count. */
export interface AnswerCount {
  readonly promptTokens: number;
  readonly completionTokens: number;
}

/** A model that can be measured: in this process or behind a server. */
export interface BenchTarget extends AsyncDisposable {
  readonly model: string;
  /** Where it runs, for people. */
  readonly where: string;
  /** Tokens of a text, without special ones. */
  tokenize(text: string, signal: AbortSignal): Promise<number[]>;
  /** Answers greedily with exactly `tokens` tokens; `onText` is called for each piece of text when it comes. */
  answer(prompt: number[], tokens: number, onText: () => void, signal: AbortSignal): Promise<AnswerCount>;
}
