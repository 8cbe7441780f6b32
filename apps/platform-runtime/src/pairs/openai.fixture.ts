import { joined, MAX_TOKENS, post, sse, WEATHER, type Protocol } from './protocol.fixture.ts';

interface ToolCall {
  readonly index?: number;
  readonly function: { readonly name?: string; readonly arguments?: string };
}

interface Said {
  readonly content?: string | null;
  readonly tool_calls?: readonly ToolCall[];
}

interface Answer {
  readonly choices: readonly { readonly message?: Said; readonly delta?: Said; readonly text?: string }[];
}

const toolCall = ({ index = 0, function: { name, arguments: part } }: ToolCall) => ({ index, name, part });

const answers = (text: string, stream: boolean): Answer[] =>
  stream ? sse<Answer>(text) : [JSON.parse(text) as Answer];

const said = (text: string, stream: boolean): Said[] =>
  answers(text, stream).flatMap(({ choices }) => choices.map(({ message, delta }) => message ?? delta ?? {}));

const body = (model: string, prompt: string, stream: boolean): object => ({
  model,
  messages: [{ role: 'user', content: prompt }],
  stream,
  temperature: 0,
});

export const OPENAI: Protocol = {
  name: 'OpenAI',
  calls: '`/v1/chat/completions`, `/v1/completions`, `/v1/embeddings`',
  chat: async (golek, model, prompt, stream) => {
    const asked = { ...body(model, prompt, stream), max_tokens: MAX_TOKENS };
    const parts = said(await post(golek, '/v1/chat/completions', asked), stream);
    return parts.flatMap(({ content }) => content || []);
  },
  text: async (golek, model, prompt, stream) => {
    const asked = { model, prompt, stream, temperature: 0, max_tokens: MAX_TOKENS };
    const parts = answers(await post(golek, '/v1/completions', asked), stream);
    return parts.flatMap(({ choices }) => choices.flatMap(({ text }) => text || []));
  },
  embeddings: async (golek, model, input) => {
    const text = await post(golek, '/v1/embeddings', { model, input, encoding_format: 'float' });
    return (JSON.parse(text) as { data: { embedding: number[] }[] }).data.map(({ embedding }) => embedding);
  },
  tools: async (golek, model, prompt, stream) => {
    const asked = { ...body(model, prompt, stream), tools: [{ type: 'function', function: WEATHER }] };
    const parts = said(await post(golek, '/v1/chat/completions', asked), stream);
    const calls = parts.flatMap(({ tool_calls = [] }) => tool_calls);
    return joined(calls.map((call, index) => toolCall(stream ? call : { ...call, index })));
  },
};
