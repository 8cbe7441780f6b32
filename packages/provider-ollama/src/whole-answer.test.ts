import { collect } from '@golek/api';
import { bothWays, wholeAnswers } from '@golek/faulty-upstream/whole-answers';
import { describe, expect, it } from 'vitest';
import { chat, complete } from './requests.fixture.ts';
import { bench, contextOf } from './upstream.fixture.ts';

describe.each([
  ['a chat', '/api/chat', chat('één twee 三 🎈 vier')],
  ['a text', '/api/generate', complete('één twee 三 🎈 vier')],
])('%s', (_, path, request) => {
  wholeAnswers({ bench, request });

  it('is asked for without a stream', async () => {
    const { open, upstream } = await bench();
    const session = await open('ok');
    await collect(session.run(request, { ...contextOf(), wholeMs: 60_000 }));
    await collect(session.run(request, contextOf()));
    const [whole, streamed] = upstream.calls;
    expect([whole?.path, streamed?.path]).toEqual([path, path]);
    expect(whole?.body).toEqual({ ...(streamed?.body as object), stream: false });
  });
});

/** An integer that a number cannot hold, as text. */
const ARGUMENTS = '{"city":"Zürich","id":12345678901234567890}';
const CALLS = `[{"function": {"name": "get_weather", "arguments": ${ARGUMENTS}}}, {"id": "own", "function": {"name": "now", "arguments": {}}}]`;
const END =
  '"done": true, "done_reason": "stop", "warnings": ["a setting was left out"], "prompt_eval_count": 9, "prompt_eval_duration": 2000000, "eval_count": 5, "eval_duration": 4000000';

const linesOf = (...lines: readonly string[]) =>
  ({
    kind: 'raw',
    headers: { 'content-type': 'application/x-ndjson' },
    body: lines.map((line) => `${line}\n`),
  }) as const;

const token = (text: string, logprob: number): string =>
  `{"token": "${text}", "logprob": ${logprob}, "top_logprobs": [{"token": "${text}", "logprob": ${logprob}}]}`;

describe('the same answer, streamed and in one piece', () => {
  it('with thinking, calls, log-probabilities and statistics', async () => {
    const [it1, is] = [token('It', -0.5), token(' is', -0.25)];
    const recorded = {
      streamed: linesOf(
        '{"message": {"role": "assistant", "content": "", "thinking": "Two "}, "done": false}',
        '{"message": {"role": "assistant", "content": "", "thinking": "ways…"}, "done": false}',
        `{"message": {"role": "assistant", "content": "It"}, "logprobs": [${it1}], "done": false}`,
        `{"message": {"role": "assistant", "content": " is"}, "logprobs": [${is}], "done": false}`,
        `{"message": {"role": "assistant", "content": "", "tool_calls": ${CALLS}}, "done": false}`,
        `{"message": {"role": "assistant", "content": ""}, ${END}}`,
      ),
      whole: `{"message": {"role": "assistant", "content": "It is", "thinking": "Two ways…", "tool_calls": ${CALLS}},
        "logprobs": [${it1}, ${is}], ${END}}`,
    };
    const read = await bothWays(await bench(), chat('hi', { logprobs: { top: 1 } }), recorded);
    expect(read.whole).toEqual(read.streamed);
    expect(read.whole.result).toMatchObject({
      choices: [
        {
          text: 'It is',
          reasoning: 'Two ways…',
          finish: 'tool-calls',
          toolCalls: [
            { id: 'call_run_0_0', name: 'get_weather', arguments: ARGUMENTS },
            { id: 'own', name: 'now', arguments: '{}' },
          ],
          logprobs: [{ text: 'It' }, { text: ' is' }],
        },
      ],
      warnings: ['a setting was left out'],
      usage: { promptTokens: 9, completionTokens: 5, timings: { prefillMs: 2, decodeMs: 4 } },
    });
  });

  it.each([
    ['length', 'length', 0],
    ['because', 'stop', 1],
  ] as const)('of a text, with the end %s', async (reason, finish, warnings) => {
    const end = `"done": true, "done_reason": "${reason}"`;
    const recorded = {
      streamed: linesOf(
        '{"response": "So ", "done": false}',
        '{"response": "far", "done": false}',
        `{"response": "", ${end}}`,
      ),
      whole: `{"response": "So far", ${end}}`,
    };
    const read = await bothWays(await bench(), complete('hi'), recorded);
    expect(read.whole).toEqual(read.streamed);
    const { choices, warnings: told } = read.whole.result;
    expect([choices[0]?.text, choices[0]?.finish, told.length]).toEqual(['So far', finish, warnings]);
  });
});
