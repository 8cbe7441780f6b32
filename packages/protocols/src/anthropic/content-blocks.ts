import type { ContentPart, ImagePart, ReasoningBlock } from '@golek/api';
import { z } from 'zod';
import { FileId, readMediaFile } from '../openai/media-url.ts';
import { limited, refused, withoutVariants } from '../request-body/refusals.ts';
import { CacheControl } from './cache-control.ts';

/** Blocks that a message of a kind cannot have here. */
const NO_FILES = {
  search_result: 'send the text of the result as a text block',
  container_upload: 'there are no containers; send the content as text',
};

const SERVER_TOOL = "tools that run at the service are not offered; describe a tool of your own in 'tools'";

const NO_SERVER_TOOLS = {
  server_tool_use: SERVER_TOOL,
  web_search_tool_result: SERVER_TOOL,
  web_fetch_tool_result: SERVER_TOOL,
  code_execution_tool_result: SERVER_TOOL,
  bash_code_execution_tool_result: SERVER_TOOL,
  text_editor_code_execution_tool_result: SERVER_TOOL,
  tool_search_tool_result: SERVER_TOOL,
  mcp_tool_use: SERVER_TOOL,
  mcp_tool_result: SERVER_TOOL,
};

/** `citations` is in every text block of an answer, as null. */
export const TextBlock = z
  .strictObject({
    type: z.literal('text'),
    text: z.string(),
    citations: limited(z.array(z.never()).nullish(), 'citations are not made; leave it out'),
    cache_control: CacheControl,
  })
  .meta({ id: 'AnthropicTextBlock' });

const ImageSource = z.discriminatedUnion(
  'type',
  [
    z.strictObject({
      type: z.literal('base64'),
      media_type: z.enum(['image/jpeg', 'image/png', 'image/gif', 'image/webp']),
      data: z.base64(),
    }),
    z.strictObject({ type: z.literal('url'), url: z.url({ protocol: /^https?$/ }) }),
    z.strictObject({ type: z.literal('file'), file_id: FileId }),
  ],
  "expected 'base64', 'url' or 'file'",
);

const ImageBlock = z
  .strictObject({
    type: z.literal('image'),
    source: ImageSource,
    transformations: refused('images are read as the model does; leave it out'),
    cache_control: CacheControl,
  })
  .meta({ id: 'AnthropicImageBlock' });

const NO_DOCUMENTS = "PDFs and other files are not read; send the text of the document, as a source of the type 'text'";

const DocumentBlock = z
  .strictObject({
    type: z.literal('document'),
    source: withoutVariants(
      z.discriminatedUnion(
        'type',
        [z.strictObject({ type: z.literal('text'), media_type: z.literal('text/plain'), data: z.string() })],
        "expected 'text'",
      ),
      { base64: NO_DOCUMENTS, url: NO_DOCUMENTS, file: NO_DOCUMENTS, content: NO_DOCUMENTS },
    ),
    title: z.string().nullish(),
    context: z.string().nullish(),
    citations: limited(
      z.strictObject({ enabled: z.literal(false).optional() }).nullish(),
      'citations are not made; leave it out',
    ),
    cache_control: CacheControl,
  })
  .meta({ id: 'AnthropicDocumentBlock' });

const ToolResultBlock = z
  .strictObject({
    type: z.literal('tool_result'),
    tool_use_id: z.string().min(1),
    content: z
      .union(
        [
          z.string(),
          z.array(
            withoutVariants(
              z.discriminatedUnion(
                'type',
                [TextBlock, ImageBlock, DocumentBlock],
                "expected 'text', 'image' or 'document'",
              ),
              { ...NO_FILES, tool_reference: 'tools are not searched for; list them in the request' },
            ),
          ),
        ],
        'expected a string or an array of text, image and document blocks',
      )
      .optional(),
    is_error: z.boolean().optional(),
    toolset_name: refused('there are no sets of tools; leave it out'),
    cache_control: CacheControl,
  })
  .meta({ id: 'AnthropicToolResultBlock' });

export const UserBlock = withoutVariants(
  z.discriminatedUnion(
    'type',
    [TextBlock, ImageBlock, DocumentBlock, ToolResultBlock],
    "expected 'text', 'image', 'document' or 'tool_result'",
  ),
  { ...NO_FILES, ...NO_SERVER_TOOLS },
);

/** `caller` is in every call of an answer. */
const ToolUseBlock = z
  .strictObject({
    type: z.literal('tool_use'),
    id: z.string().min(1),
    name: z.string().min(1),
    input: z.record(z.string(), z.unknown()),
    caller: limited(z.strictObject({ type: z.literal('direct') }).optional(), 'only the model itself calls tools'),
    toolset_name: refused('there are no sets of tools; leave it out'),
    cache_control: CacheControl,
  })
  .meta({ id: 'AnthropicToolUseBlock' });

export const AssistantBlock = withoutVariants(
  z.discriminatedUnion(
    'type',
    [
      TextBlock,
      z.strictObject({ type: z.literal('thinking'), thinking: z.string(), signature: z.string() }),
      z.strictObject({ type: z.literal('redacted_thinking'), data: z.string() }),
      ToolUseBlock,
    ],
    "expected 'text', 'thinking', 'redacted_thinking' or 'tool_use'",
  ),
  NO_SERVER_TOOLS,
);

type Readable = z.output<typeof TextBlock> | z.output<typeof ImageBlock> | z.output<typeof DocumentBlock>;

/** What stands above a document stands above its text. */
const documentText = ({ title, context, source }: z.output<typeof DocumentBlock>): string =>
  [title, context, source.data].filter((text) => text != null && text !== '').join('\n\n');

export const readPart = (block: Readable): ContentPart => {
  if (block.type === 'text') return { type: 'text', text: block.text };
  if (block.type === 'document') return { type: 'text', text: documentText(block) };
  return { type: 'image', source: readSource(block.source) };
};

const readSource = (source: z.output<typeof ImageSource>): ImagePart['source'] => {
  switch (source.type) {
    case 'base64':
      return { kind: 'base64', mediaType: source.media_type, data: source.data };
    case 'url':
      return { kind: 'url', url: source.url };
    case 'file':
      return readMediaFile(source.file_id);
  }
};

export const readText = (content: string | readonly z.output<typeof TextBlock>[]): ContentPart[] =>
  typeof content === 'string' ? [{ type: 'text', text: content }] : content.map(readPart);

/** A block that its service has signed; without a signature there is only its text. */
export const readReasoning = (
  block: Extract<z.output<typeof AssistantBlock>, { type: 'thinking' | 'redacted_thinking' }>,
): ReasoningBlock | undefined => {
  if (block.type === 'redacted_thinking') return { redacted: block.data };
  return block.signature === '' ? undefined : { text: block.thinking, signature: block.signature };
};
