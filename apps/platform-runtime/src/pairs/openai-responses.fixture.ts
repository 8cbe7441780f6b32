import { MAX_TOKENS, post, sse, WEATHER, type Called, type Protocol } from './protocol.fixture.ts';

interface Answer {
  readonly output: readonly {
    readonly type: string;
    readonly name?: string;
    readonly arguments?: string;
    readonly content?: readonly { readonly text?: string }[];
  }[];
}

interface StreamEvent {
  readonly type: string;
  readonly delta?: string;
  readonly response?: Answer;
}

const PATH = '/v1/responses';

const body = (model: string, input: string, stream: boolean): object => ({
  model,
  input,
  stream,
  temperature: 0,
  store: false,
});

const callsOf = ({ output }: Answer): Called[] =>
  output.flatMap(({ type, name = '', arguments: given = '' }) =>
    type === 'function_call' ? [{ name, arguments: JSON.parse(given) }] : [],
  );

const OTHERS = 'it has chats only; the paths of the row above have the rest';

export const OPENAI_RESPONSES: Protocol = {
  name: 'OpenAI Responses',
  calls: '`/v1/responses`',
  chat: async (golek, model, prompt, stream) => {
    const text = await post(golek, PATH, { ...body(model, prompt, stream), max_output_tokens: MAX_TOKENS });
    return stream
      ? sse<StreamEvent>(text).flatMap(({ type, delta }) =>
          type === 'response.output_text.delta' ? (delta ?? []) : [],
        )
      : (JSON.parse(text) as Answer).output.flatMap(({ content = [] }) => content.flatMap((part) => part.text ?? []));
  },
  text: OTHERS,
  embeddings: OTHERS,
  tools: async (golek, model, prompt, stream) => {
    const text = await post(golek, PATH, {
      ...body(model, prompt, stream),
      tools: [{ type: 'function', strict: false, ...WEATHER }],
    });
    const answer = stream
      ? sse<StreamEvent>(text).find(({ type }) => type === 'response.completed')?.response
      : (JSON.parse(text) as Answer);
    return answer ? callsOf(answer) : [];
  },
};
