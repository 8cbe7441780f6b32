import { JsonSchema, type GenerateRequest, type OutputFormat } from '@golek/api';
import { z } from 'zod';
import { refused, withoutVariants } from '../request-body/refusals.ts';

/** Less is refused by Anthropic as well. */
const LEAST_BUDGET = 1024;

const display = z
  .enum(['summarized', 'omitted'])
  .nullish()
  .describe("Thinking is shown as the model wrote it; 'omitted' is taken and told.");

export const Thinking = withoutVariants(
  z.discriminatedUnion(
    'type',
    [
      z.strictObject({ type: z.literal('enabled'), budget_tokens: z.int().min(LEAST_BUDGET), display }),
      z.strictObject({ type: z.literal('adaptive'), display }),
      z.strictObject({ type: z.literal('disabled') }),
    ],
    "expected 'enabled', 'adaptive' or 'disabled'",
  ),
  { between_tools: "when the model thinks is its own matter; send 'adaptive'" },
).nullish();

export const OutputConfig = z
  .strictObject({
    effort: z.enum(['low', 'medium', 'high', 'xhigh', 'max']).nullish(),
    format: z.strictObject({ type: z.literal('json_schema'), schema: JsonSchema }).nullish(),
    task_budget: refused("use 'max_tokens'"),
  })
  .nullish();

type Reasoning = Extract<GenerateRequest['input'], { type: 'chat' }>['reasoning'];

/** How much the model shall think. `adaptive`, which leaves it to the model whether it does, is thinking without a budget. */
export const readReasoningWish = (
  thinking: z.output<typeof Thinking>,
  config: z.output<typeof OutputConfig>,
): { readonly reasoning?: NonNullable<Reasoning> } => {
  const effort = config?.effort;
  if (!thinking && effort == null) return {};
  return {
    reasoning: {
      ...(thinking && { enabled: thinking.type !== 'disabled' }),
      ...(effort != null && { effort }),
      ...(thinking?.type === 'enabled' && { budgetTokens: thinking.budget_tokens }),
    },
  };
};

/** What is said of thinking and changes nothing. */
export const displayWarnings = (thinking: z.output<typeof Thinking>): string[] =>
  thinking && thinking.type !== 'disabled' && thinking.display === 'omitted'
    ? ["'thinking.display' changed nothing: thinking is shown as the model wrote it"]
    : [];

export const readFormat = (config: z.output<typeof OutputConfig>): OutputFormat | undefined =>
  config?.format ? { type: 'json-schema', schema: config.format.schema } : undefined;
