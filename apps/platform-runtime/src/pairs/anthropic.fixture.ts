import { joined, MAX_TOKENS, post, sse, WEATHER, type Called, type Protocol } from './protocol.fixture.ts';

type Block =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'tool_use'; readonly name: string; readonly input: unknown };

interface StreamEvent {
  readonly type: string;
  readonly index: number;
  readonly content_block?: Block;
  readonly delta?: { readonly text?: string; readonly partial_json?: string };
}

const body = (model: string, prompt: string, stream: boolean): object => ({
  model,
  max_tokens: MAX_TOKENS,
  messages: [{ role: 'user', content: prompt }],
  stream,
  temperature: 0,
});

const blocksOf = (text: string): readonly Block[] => (JSON.parse(text) as { content: Block[] }).content;

/** The calls of a stream, whose blocks have places among texts. */
const streamedCalls = (events: readonly StreamEvent[]): Called[] => {
  const starts = events.filter(({ content_block }) => content_block?.type === 'tool_use');
  const place = (at: number): number => starts.findIndex(({ index }) => index === at);
  return joined(
    events.flatMap(({ index, content_block, delta }) => {
      if (place(index) < 0) return [];
      const name = content_block?.type === 'tool_use' ? content_block.name : undefined;
      return [{ index: place(index), name, part: delta?.partial_json }];
    }),
  );
};

export const ANTHROPIC: Protocol = {
  name: 'Anthropic',
  calls: '`/v1/messages`',
  chat: async (golek, model, prompt, stream) => {
    const text = await post(golek, '/v1/messages', body(model, prompt, stream));
    return stream
      ? sse<StreamEvent>(text).flatMap(({ delta }) => delta?.text || [])
      : blocksOf(text).flatMap((block) => (block.type === 'text' ? [block.text] : []));
  },
  text: 'it has chats only',
  embeddings: 'it has no embeddings',
  tools: async (golek, model, prompt, stream) => {
    const { parameters, ...tool } = WEATHER;
    const asked = { ...body(model, prompt, stream), max_tokens: 100, tools: [{ ...tool, input_schema: parameters }] };
    const text = await post(golek, '/v1/messages', asked);
    return stream
      ? streamedCalls(sse<StreamEvent>(text))
      : blocksOf(text).flatMap((block) =>
          block.type === 'tool_use' ? [{ name: block.name, arguments: block.input }] : [],
        );
  },
};
