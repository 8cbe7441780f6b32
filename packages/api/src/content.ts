import { z } from 'zod';

export const TextPart = z.strictObject({ type: z.literal('text'), text: z.string() }).meta({ id: 'TextPart' });

/** A file as bytes or as an address. */
const MediaSource = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('base64'), mediaType: z.string(), data: z.string() }),
  z.strictObject({ kind: z.literal('url'), url: z.string() }),
]);

/** Providers without vision refuse it by name. */
export const ImagePart = z.strictObject({ type: z.literal('image'), source: MediaSource }).meta({ id: 'ImagePart' });
export type ImagePart = z.infer<typeof ImagePart>;

/** A recording. Providers without hearing refuse it by name. */
export const AudioPart = z.strictObject({ type: z.literal('audio'), source: MediaSource }).meta({ id: 'AudioPart' });
export type AudioPart = z.infer<typeof AudioPart>;

export const ContentPart = z.discriminatedUnion('type', [TextPart, ImagePart]);
export type ContentPart = z.infer<typeof ContentPart>;

const Content = z.array(ContentPart);

/** A finished call of a tool; `arguments` is the JSON text that the model wrote. */
export const ToolCall = z
  .strictObject({ id: z.string(), name: z.string(), arguments: z.string() })
  .meta({ id: 'ToolCall' });
export type ToolCall = z.infer<typeof ToolCall>;

/** A piece of reasoning that the service which made it can prove to be its own: sent back with the conversation, unchanged and in order. */
export const ReasoningBlock = z
  .union([
    z.strictObject({ text: z.string(), signature: z.string().min(1) }),
    /** What the service shows only encrypted. */
    z.strictObject({ redacted: z.string() }),
  ])
  .meta({ id: 'ReasoningBlock' });
export type ReasoningBlock = z.infer<typeof ReasoningBlock>;

export const Message = z
  .discriminatedUnion('role', [
    z.strictObject({ role: z.literal('system'), content: Content, name: z.string().optional() }),
    z.strictObject({ role: z.literal('user'), content: Content, name: z.string().optional() }),
    z.strictObject({
      role: z.literal('assistant'),
      content: Content,
      reasoning: z.string().optional(),
      /** The same reasoning for the service that made it; `reasoning` has its text for all others. */
      reasoningBlocks: z.array(ReasoningBlock).optional(),
      toolCalls: z.array(ToolCall).optional(),
      name: z.string().optional(),
    }),
    z.strictObject({
      role: z.literal('tool'),
      content: Content,
      toolCallId: z.string(),
      isError: z.boolean().optional(),
    }),
  ])
  .meta({ id: 'Message', description: 'One turn of a conversation.' });
export type Message = z.infer<typeof Message>;
