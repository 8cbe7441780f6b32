import { z } from 'zod';
import { withoutVariants } from '../request-body/refusals.ts';

const Keep = z
  .union(
    [
      z.literal('all'),
      z.strictObject({ type: z.literal('all') }),
      z.strictObject({ type: z.literal('thinking_turns'), value: z.int().min(1) }),
    ],
    "expected 'all' or a number of 'thinking_turns'",
  )
  .nullish();

const Edit = withoutVariants(
  z.discriminatedUnion(
    'type',
    [
      z.strictObject({ type: z.literal('clear_thinking_20251015'), keep: Keep }),
      z.strictObject({
        type: z.literal('clear_tool_uses_20250919'),
        trigger: z.unknown().optional(),
        keep: z.unknown().optional(),
        clear_at_least: z.unknown().optional(),
        clear_tool_inputs: z.unknown().optional(),
        exclude_tools: z.unknown().optional(),
      }),
    ],
    "expected 'clear_thinking_20251015' or 'clear_tool_uses_20250919'",
  ),
  { compact_20260112: 'a conversation is not summed up here; shorten it in the client' },
);

/**
 * What Anthropic's service takes out of a long conversation. Clients ask for it whatever the model is (Claude Code does with each request), so it is taken; nothing is taken out
 * here, and whoever asked for more than that is told.
 */
export const ContextManagement = z.strictObject({ edits: z.array(Edit).nullish() }).nullish();

const keepsAll = (edit: z.output<typeof Edit>): boolean =>
  edit.type === 'clear_thinking_20251015' &&
  (edit.keep === 'all' || (typeof edit.keep === 'object' && edit.keep?.type === 'all'));

export const contextWarnings = (management: z.output<typeof ContextManagement>): string[] =>
  (management?.edits ?? []).flatMap((edit, index) =>
    keepsAll(edit)
      ? []
      : [`'context_management.edits[${index}]' changed nothing: nothing is taken out of a conversation here`],
  );
