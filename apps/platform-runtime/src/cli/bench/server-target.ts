import { GolekError } from '@golek/api';
import { z } from 'zod';
import { parsedJson, ServerClient, toldFailure, type ServerAddress } from '../server-client.ts';
import { ableModels } from '../tasks/able-models.ts';
import type { BenchTarget } from './bench-target.ts';

const Tokens = z.object({ tokens: z.array(z.number()) });
const Chunk = z.object({
  choices: z.array(z.object({ text: z.string() })).default([]),
  usage: z.object({ prompt_tokens: z.number(), completion_tokens: z.number() }).nullish(),
});

/** A model of a running Golek server, over HTTP; default: its only one that generates. */
export const openServerTarget = async (
  address: ServerAddress,
  named: string | undefined,
  signal: AbortSignal,
): Promise<BenchTarget> => {
  const client = new ServerClient(address);
  const { base } = client;
  const model = named ?? (await onlyModel(client, signal));
  return {
    model,
    where: `at ${base}`,
    tokenize: async (content, ends) =>
      (await client.read(Tokens, '/tokenize', ends, { model, content, parse_special: false })).tokens,
    answer: async (prompt, tokens, onText, ends) => {
      const response = await client.ask('/v1/completions', ends, {
        model,
        prompt,
        max_tokens: tokens,
        temperature: 0,
        ignore_eos: true,
        stream: true,
        stream_options: { include_usage: true },
      });
      let usage: z.infer<typeof Chunk>['usage'];
      for await (const data of serverSentData(response)) {
        const chunk = Chunk.safeParse(parsedJson(data)).data;
        if (!chunk || toldFailure(data)) throw client.failure(data);
        if ((chunk.choices[0]?.text ?? '') !== '') onText();
        usage = chunk.usage ?? usage;
      }
      if (!usage) throw new GolekError('provider_failed', `${base} ended an answer without its usage`);
      return { promptTokens: usage.prompt_tokens, completionTokens: usage.completion_tokens };
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
};

const onlyModel = async (client: ServerClient, signal: AbortSignal): Promise<string> => {
  const names = ableModels(await client.models(signal), 'generate').map(({ name }) => name);
  const [only, second] = names;
  if (only !== undefined && second === undefined) return only;
  throw new GolekError(
    'model_not_found',
    `the server at ${client.base} has ${names.length} models that generate: name one of ${names.join(', ') || 'none'}`,
  );
};

/** The data of each event but the last, `[DONE]`. */
async function* serverSentData({ body }: Response): AsyncGenerator<string> {
  let rest = '';
  for await (const text of (body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.startsWith('data: ') && line !== 'data: [DONE]') yield line.slice(6);
  }
}
