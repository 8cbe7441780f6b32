import type { ContentPart, Message } from '@golek/api';
import { z } from 'zod';

/** Content in the forms that MCP itself has for text and pictures. */
const ChatContent = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text'), text: z.string() }),
  z.strictObject({
    type: z.literal('image'),
    data: z.string().min(1).describe('The file in base64.'),
    mimeType: z.string().min(1).max(128),
  }),
]);

export const ChatMessage = z.strictObject({
  role: z.enum(['system', 'user', 'assistant']),
  content: z.union([z.string(), z.array(ChatContent).min(1)], "expected a string or an array of 'text' and 'image'"),
});
type ChatMessage = z.output<typeof ChatMessage>;

const part = (content: z.output<typeof ChatContent>): ContentPart =>
  content.type === 'text'
    ? content
    : { type: 'image', source: { kind: 'base64', mediaType: content.mimeType, data: content.data } };

export const readMessage = ({ role, content }: ChatMessage): Message => ({
  role,
  content: typeof content === 'string' ? [{ type: 'text', text: content }] : content.map(part),
});
