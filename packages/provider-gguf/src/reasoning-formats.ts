/** How a family of models marks what it thinks before it answers. */
export interface ReasoningFormat {
  readonly open: string;
  readonly close: string;
}

const FORMATS: readonly ReasoningFormat[] = [
  // DeepSeek R1, Qwen 3, QwQ, GLM 4.5, SmolLM 3 and most others.
  { open: '<think>', close: '</think>' },
  // Magistral and later models of Mistral.
  { open: '[THINK]', close: '[/THINK]' },
  // Seed-OSS.
  { open: '<seed:think>', close: '</seed:think>' },
  // Command A and R7B.
  { open: '<|START_THINKING|>', close: '<|END_THINKING|>' },
  // Kimi-VL.
  { open: '◁think▷', close: '◁/think▷' },
];

/** The format of a model's reasoning; undefined when its template speaks of none that is known. */
export const reasoningFormatOf = (chatTemplate: string): ReasoningFormat | undefined =>
  FORMATS.find(({ open, close }) => chatTemplate.includes(open) || chatTemplate.includes(close));

/**
 * How an answer begins: `opened` when the prompt itself ends with the opening marker, `closed` when it ends with the closing one or the
 * request wants no reasoning, `free` when the model decides.
 */
export type ReasoningStart = 'opened' | 'closed' | 'free';

export const reasoningStart = (
  { open, close }: ReasoningFormat,
  prompt: string,
  enabled: boolean | undefined,
): ReasoningStart => {
  const end = prompt.trimEnd();
  if (end.endsWith(open)) return 'opened';
  return enabled === false || end.endsWith(close) ? 'closed' : 'free';
};
