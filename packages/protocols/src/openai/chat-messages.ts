import type { ContentPart, Message } from '@golek/api';
import { z } from 'zod';
import { CacheControl } from '../anthropic/cache-control.ts';
import {
  asksForDetail,
  detailWarnings,
  FileId,
  ImageDetail,
  MediaUrl,
  readMediaFile,
  readMediaUrl,
} from './media-url.ts';
import { invalid } from '../request-body/parse-body.ts';
import { limited, refused, withoutVariants } from '../request-body/refusals.ts';

const cacheBreakpoint = refused('prompt prefixes are cached by their content; leave it out');

const TextPart = z.strictObject({
  type: z.literal('text'),
  text: z.string(),
  cache_control: CacheControl,
  prompt_cache_breakpoint: cacheBreakpoint,
});

const ImagePart = z.strictObject({
  type: z.literal('image_url'),
  image_url: z.strictObject({
    url: MediaUrl,
    detail: ImageDetail,
  }),
  prompt_cache_breakpoint: cacheBreakpoint,
});

const FilePart = z.strictObject({
  type: z.literal('file'),
  file: z.strictObject({
    file_id: FileId,
    file_data: refused("send a picture as 'image_url', or upload it and send its 'file_id'"),
    filename: z.string().nullish(),
  }),
  prompt_cache_breakpoint: cacheBreakpoint,
});

const RefusalPart = z.strictObject({ type: z.literal('refusal'), refusal: z.string() });

const TextContent = z.union([z.string(), z.array(TextPart)], 'expected a string or an array of text parts');

const UserContent = z.union(
  [
    z.string(),
    z.array(
      withoutVariants(
        z.discriminatedUnion('type', [TextPart, ImagePart, FilePart], "expected 'text', 'image_url' or 'file'"),
        { input_audio: 'models take text and images; send a transcript as text' },
      ),
    ),
  ],
  'expected a string or an array of content parts',
);

const AssistantContent = z.union(
  [z.string(), z.array(z.discriminatedUnion('type', [TextPart, RefusalPart], "expected 'text' or 'refusal'"))],
  'expected a string or an array of text parts',
);

const ToolCall = withoutVariants(
  z.discriminatedUnion(
    'type',
    [
      z.strictObject({
        type: z.literal('function'),
        id: z.string().min(1),
        function: z.strictObject({
          name: z.string().min(1),
          arguments: z.string(),
          parsed_arguments: z.unknown().optional(),
        }),
      }),
    ],
    "expected 'function'",
  ),
  { custom: 'describe the tool as a function' },
);

const SystemMessage = z.strictObject({ role: z.literal('system'), content: TextContent, name: z.string().nullish() });

/**
 * One message of a conversation. An answer of the API can be sent back as it is: `annotations`, `audio` and `function_call` are accepted
 * where they are empty, and `parsed` where the official client has added it. The `name` of a tool message repeats that of the call.
 */
export const ChatMessage = withoutVariants(
  z
    .discriminatedUnion(
      'role',
      [
        SystemMessage,
        SystemMessage.extend({ role: z.literal('developer') }),
        z.strictObject({ role: z.literal('user'), content: UserContent, name: z.string().nullish() }),
        z.strictObject({
          role: z.literal('assistant'),
          content: AssistantContent.nullish(),
          refusal: z.string().nullish(),
          reasoning_content: z.string().nullish().describe("Extension. The model's reasoning, as the answer gave it."),
          tool_calls: z.array(ToolCall).nullish(),
          name: z.string().nullish(),
          annotations: limited(z.array(z.never()).nullish(), 'leave it out'),
          audio: refused('send the transcript as content'),
          function_call: refused("send it in 'tool_calls'"),
          parsed: z.unknown().optional(),
        }),
        z.strictObject({
          role: z.literal('tool'),
          content: TextContent,
          tool_call_id: z.string().min(1),
          name: z.string().nullish(),
        }),
      ],
      "expected 'system', 'developer', 'user', 'assistant' or 'tool'",
    )
    .meta({ id: 'ChatMessage' }),
  { function: "send the result as a message of the role 'tool' with its 'tool_call_id'" },
);
type ChatMessage = z.output<typeof ChatMessage>;

type Part =
  | { type: 'text'; text: string }
  | z.output<typeof RefusalPart>
  | z.output<typeof ImagePart>
  | z.output<typeof FilePart>;

const readPart = (part: Part): ContentPart => {
  switch (part.type) {
    case 'text':
      return { type: 'text', text: part.text };
    case 'refusal':
      return { type: 'text', text: part.refusal };
    case 'image_url':
      return { type: 'image', source: readMediaUrl(part.image_url.url) };
    case 'file':
      return { type: 'image', source: readMediaFile(part.file.file_id) };
  }
};

const readContent = (content: string | readonly Part[] | null | undefined): ContentPart[] => {
  if (content == null) return [];
  return typeof content === 'string' ? [{ type: 'text', text: content }] : content.map(readPart);
};

const named = (name: string | null | undefined): { name?: string } => (name == null ? {} : { name });

const readAssistant = (message: Extract<ChatMessage, { role: 'assistant' }>, index: number): Message => {
  const content = readContent(message.content);
  // What the model said when it refused is a part of the conversation.
  if (message.refusal != null) content.push({ type: 'text', text: message.refusal });
  const calls = message.tool_calls ?? [];
  if (message.content == null && message.refusal == null && calls.length === 0) {
    throw invalid(`messages[${index}].content`, `'messages[${index}]' has neither 'content' nor 'tool_calls'`);
  }
  return {
    role: 'assistant',
    content,
    ...(message.reasoning_content != null && { reasoning: message.reasoning_content }),
    ...(calls.length > 0 && {
      toolCalls: calls.map(({ id, function: { name, arguments: text } }) => ({ id, name, arguments: text })),
    }),
    ...named(message.name),
  };
};

/** Throws `invalid_request` for an assistant message without content. */
export const readMessages = (messages: readonly ChatMessage[]): Message[] =>
  messages.map((message, index): Message => {
    switch (message.role) {
      case 'system':
      case 'developer':
        return { role: 'system', content: readContent(message.content), ...named(message.name) };
      case 'user':
        return { role: 'user', content: readContent(message.content), ...named(message.name) };
      case 'assistant':
        return readAssistant(message, index);
      case 'tool':
        return { role: 'tool', content: readContent(message.content), toolCallId: message.tool_call_id };
    }
  });

/** What of the messages changes nothing. */
export const messageWarnings = (messages: readonly ChatMessage[]): string[] => {
  for (const [index, { content }] of messages.entries()) {
    if (!Array.isArray(content)) continue;
    const at = content.findIndex((part) => part.type === 'image_url' && asksForDetail(part.image_url.detail));
    if (at >= 0) return detailWarnings(`messages[${index}].content[${at}].image_url.detail`);
  }
  return [];
};
