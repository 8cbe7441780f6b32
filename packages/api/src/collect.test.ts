import { describe, expect, it } from 'vitest';
import { collect, GolekError, type InferenceEvent } from './index.ts';

const streamOf = async function* (...events: InferenceEvent[]): AsyncGenerator<InferenceEvent> {
  yield* events;
};
const start: InferenceEvent = { type: 'start', model: 'm', provider: 'p' };

describe('collect', () => {
  it('joins interleaved choices, tool calls and usage', async () => {
    const result = await collect(
      streamOf(
        start,
        { type: 'text', choice: 0, text: 'a' },
        { type: 'text', choice: 1, text: 'x' },
        { type: 'reasoning', choice: 0, text: 'hm' },
        { type: 'tool-call', choice: 0, index: 0, id: 'c1', name: 'f', arguments: '{"a"' },
        { type: 'text', choice: 0, text: 'b' },
        { type: 'tool-call', choice: 0, index: 0, arguments: ':1}' },
        { type: 'finish', choice: 1, reason: 'stop', stop: 'END' },
        { type: 'finish', choice: 0, reason: 'tool-calls' },
        { type: 'usage', usage: { promptTokens: 3, completionTokens: 4 } },
      ),
    );
    expect(result).toMatchObject({ model: 'm', provider: 'p', usage: { promptTokens: 3, completionTokens: 4 } });
    expect(result.choices).toEqual([
      {
        text: 'ab',
        reasoning: 'hm',
        toolCalls: [{ id: 'c1', name: 'f', arguments: '{"a":1}' }],
        logprobs: [],
        finish: 'tool-calls',
      },
      { text: 'x', reasoning: '', toolCalls: [], logprobs: [], finish: 'stop', stop: 'END' },
    ]);
  });

  it('takes events of any size', async () => {
    const many = 500_000;
    const logprobs = Array.from({ length: many }, () => ({ text: 'a', bytes: [97], logprob: 0, top: [] }));
    const result = await collect(
      streamOf(
        start,
        { type: 'text', choice: 0, text: 'a', logprobs },
        { type: 'tokens', tokens: Array.from({ length: many }, (_, index) => index) },
        { type: 'finish', choice: 0, reason: 'stop' },
      ),
    );
    expect([result.choices[0]?.logprobs.length, result.tokens.length]).toEqual([many, many]);
  });

  it('puts embeddings in input order', async () => {
    const [first, second] = [Float32Array.of(1), Float32Array.of(2)];
    const result = await collect(
      streamOf(start, { type: 'embedding', index: 1, vector: second }, { type: 'embedding', index: 0, vector: first }),
    );
    expect(result.embeddings).toEqual([first, second]);
  });

  it('never takes a cut stream for a success', async () => {
    await expect(collect(streamOf(start, { type: 'text', choice: 0, text: 'half' }))).rejects.toMatchObject({
      code: 'provider_failed',
    });
  });

  it('throws what the stream throws, also as an event', async () => {
    const error = new GolekError('overloaded', 'full', { retryAfter: 3 });
    await expect(collect(streamOf(start, { type: 'error', error: error.toJSON() }))).rejects.toMatchObject({
      code: 'overloaded',
      retryAfter: 3,
    });
  });
});
