import { z } from 'zod';

export const TextPart = z.strictObject({ type: z.literal('text'), text: z.string() }).meta({ id: 'TextPart' });

/** An image as bytes or as an address. Providers without vision refuse it by name. */
export const ImagePart = z
  .strictObject({
    type: z.literal('image'),
    source: z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('base64'), mediaType: z.string(), data: z.string() }),
      z.strictObject({ kind: z.literal('url'), url: z.string() }),
    ]),
  })
  .meta({ id: 'ImagePart' });

export const ContentPart = z.discriminatedUnion('type', [TextPart, ImagePart]);
export type ContentPart = z.infer<typeof ContentPart>;

const Content = z.array(ContentPart);

/** A finished call of a tool; `arguments` is the JSON text that the model wrote. */
export const ToolCall = z
  .strictObject({ id: z.string(), name: z.string(), arguments: z.string() })
  .meta({ id: 'ToolCall' });
export type ToolCall = z.infer<typeof ToolCall>;

export const Message = z
  .discriminatedUnion('role', [
    z.strictObject({ role: z.literal('system'), content: Content, name: z.string().optional() }),
    z.strictObject({ role: z.literal('user'), content: Content, name: z.string().optional() }),
    z.strictObject({
      role: z.literal('assistant'),
      content: Content,
      reasoning: z.string().optional(),
      toolCalls: z.array(ToolCall).optional(),
      name: z.string().optional(),
    }),
    z.strictObject({ role: z.literal('tool'), content: Content, toolCallId: z.string() }),
  ])
  .meta({ id: 'Message', description: 'One turn of a conversation.' });
export type Message = z.infer<typeof Message>;
