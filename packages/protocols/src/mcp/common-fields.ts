import { GolekError, type Usage } from '@golek/api';
import { z } from 'zod';

/** Longest name of a model: it comes back in messages and logs. */
const MODEL_NAME_CHARACTERS = 256;

export const ModelName = z
  .string()
  .min(1)
  .max(MODEL_NAME_CHARACTERS)
  .describe('Name of a model, as list_models gives it.');

/** A tool whose arguments name no model takes the one that the server chooses. */
export const OptionalModel = ModelName.optional().describe(
  'Name of a model, as list_models gives it. Default: the first one that can do it.',
);

export const PromptUsage = z.strictObject({ prompt_tokens: z.int() });

export const Warnings = z.array(z.string()).optional().describe('What was asked for and changed nothing, and why.');

/** Throws `provider_failed` for an answer without counts. */
export const countedUsage = (usage: Usage | undefined): Usage => {
  if (usage) return usage;
  throw new GolekError('provider_failed', 'the provider gave no token counts');
};

/** What a run of a model is, for clients: nothing here changes, but services beyond this server may answer. */
export const RUNS_A_MODEL = {
  readOnlyHint: true,
  destructiveHint: false,
  idempotentHint: false,
  openWorldHint: true,
} as const;
