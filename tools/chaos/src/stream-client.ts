/** How one streamed answer ended. */
export interface StreamOutcome {
  readonly text: string;
  /** Tokens that the server counted; absent when the stream did not get so far. */
  readonly tokens: number | undefined;
  readonly finish: string | undefined;
  /** Absent for a whole answer. */
  readonly failure: { readonly code: string; readonly message: string } | undefined;
}

interface Chunk {
  readonly choices?: readonly {
    readonly delta?: { readonly content?: string };
    readonly finish_reason?: string | null;
  }[];
  readonly usage?: { readonly completion_tokens: number } | null;
  readonly error?: { readonly code?: string; readonly message?: string };
}

export interface StreamRequest {
  readonly url: string;
  readonly model: string;
  readonly prompt: string;
  readonly maxTokens: number;
  readonly signal: AbortSignal;
}

/** Asks for a greedy streamed answer and reads it to its end. Failures of any kind are part of the outcome. */
export const streamOnce = async ({ url, model, prompt, maxTokens, signal }: StreamRequest): Promise<StreamOutcome> => {
  let text = '';
  let tokens: number | undefined;
  let finish: string | undefined;
  const failed = (code: string, message: string): StreamOutcome => ({
    text,
    tokens,
    finish,
    failure: { code, message },
  });
  try {
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        model,
        messages: [{ role: 'user', content: prompt }],
        temperature: 0,
        max_tokens: maxTokens,
        stream: true,
        stream_options: { include_usage: true },
      }),
      signal,
    });
    if (!response.ok || !response.body) {
      const { error } = JSON.parse(await response.text()) as Chunk;
      return failed(error?.code ?? String(response.status), error?.message ?? '');
    }
    let rest = '';
    for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + piece).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (!line.startsWith('data: ')) continue;
        if (line === 'data: [DONE]') return { text, tokens, finish, failure: undefined };
        const { choices, usage, error } = JSON.parse(line.slice(6)) as Chunk;
        if (error) return failed(error.code ?? 'unknown', error.message ?? '');
        text += choices?.[0]?.delta?.content ?? '';
        finish = choices?.[0]?.finish_reason ?? finish;
        tokens = usage?.completion_tokens ?? tokens;
      }
    }
    return failed('cut', 'the stream ended without its mark of success');
  } catch (thrown) {
    return failed('connection', String(thrown));
  }
};
