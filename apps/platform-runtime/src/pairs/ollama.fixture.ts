import { MAX_TOKENS, post, WEATHER, type Protocol } from './protocol.fixture.ts';

interface Line {
  readonly response?: string;
  readonly message?: {
    readonly content: string;
    readonly tool_calls?: readonly { readonly function: { readonly name: string; readonly arguments: unknown } }[];
  };
}

/** A whole answer is one line. */
const lines = (text: string): Line[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);

const options = { temperature: 0, num_predict: MAX_TOKENS };

const body = (model: string, prompt: string, stream: boolean): object => ({
  model,
  messages: [{ role: 'user', content: prompt }],
  stream,
});

export const OLLAMA: Protocol = {
  name: 'Ollama',
  calls: '`/api/chat`, `/api/generate` with `raw`, `/api/embed`',
  chat: async (golek, model, prompt, stream) => {
    const text = await post(golek, '/api/chat', { ...body(model, prompt, stream), options });
    return lines(text).flatMap(({ message }) => message?.content || []);
  },
  text: async (golek, model, prompt, stream) => {
    const text = await post(golek, '/api/generate', { model, prompt, raw: true, stream, options });
    return lines(text).flatMap(({ response }) => response || []);
  },
  embeddings: async (golek, model, input) =>
    (JSON.parse(await post(golek, '/api/embed', { model, input })) as { embeddings: number[][] }).embeddings,
  tools: async (golek, model, prompt, stream) => {
    const tools = [{ type: 'function', function: WEATHER }];
    const asked = { ...body(model, prompt, stream), options: { temperature: 0 }, tools };
    const calls = lines(await post(golek, '/api/chat', asked)).flatMap(({ message }) => message?.tool_calls ?? []);
    return calls.map(({ function: { name, arguments: given } }) => ({ name, arguments: given }));
  },
};
