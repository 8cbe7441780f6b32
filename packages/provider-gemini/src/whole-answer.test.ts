import { collect } from '@golek/api';
import { bothWays, wholeAnswers } from '@golek/faulty-upstream/whole-answers';
import { describe, expect, it } from 'vitest';
import { bench, chat, contextOf } from './upstream.fixture.ts';

wholeAnswers({ bench, request: chat('één twee 三 🎈 vier') });

it('is asked for by a method of its own', async () => {
  const { open, upstream } = await bench();
  const session = await open('ok');
  await collect(session.run(chat('hi'), { ...contextOf(), wholeMs: 60_000 }));
  await collect(session.run(chat('hi'), contextOf()));
  expect(upstream.calls.map(({ path }) => path)).toEqual([
    '/v1beta/models/ok:generateContent',
    '/v1beta/models/ok:streamGenerateContent',
  ]);
  expect(upstream.calls[0]?.body).toEqual(upstream.calls[1]?.body);
});

/** Integers that a number cannot hold, as text. */
const ARGS = '{"city":"Zürich","id":12345678901234567890,"at":[1.5,-9007199254740993]}';
const USAGE =
  '"usageMetadata": {"promptTokenCount": 11, "candidatesTokenCount": 6, "thoughtsTokenCount": 41, "cachedContentTokenCount": 3}';

const candidate = (parts: readonly string[], rest = '', index = 0): string =>
  `{"content": {"parts": [${parts.join(',')}], "role": "model"}, "index": ${index}${rest}}`;

const answer = (...candidates: readonly string[]): string =>
  `{"candidates": [${candidates.join(',')}], ${USAGE}, "modelVersion": "gemini-x"}`;

const streamOf = (...chunks: readonly string[]) =>
  ({ kind: 'raw', body: chunks.map((chunk) => `data: ${chunk}\r\n\r\n`) }) as const;

const token = (text: string, logProbability: number): string =>
  `{"token": "${text}", "tokenId": ${text.length}, "logProbability": ${logProbability}}`;

const logprobs = (...tokens: readonly string[]): string =>
  `, "logprobsResult": {"chosenCandidates": [${tokens.join(',')}], "topCandidates": [${tokens.map((one) => `{"candidates": [${one}]}`).join(',')}]}`;

describe('the same answer, streamed and in one piece', () => {
  it('with thoughts, signatures, calls, citations and what has no place', async () => {
    const parts = [
      '{"text": "Two ways…", "thought": true, "thoughtSignature": "dGhpbms="}',
      '{"text": "Paris – 🎈", "thoughtSignature": "dGV4dA=="}',
      '{"executableCode": {"language": "PYTHON", "code": "1+1"}}',
      `{"functionCall": {"name": "get_weather", "args": ${ARGS}}, "thoughtSignature": "Y2FsbA=="}`,
      '{"functionCall": {"id": "own", "name": "now"}}',
    ];
    const end = ', "finishReason": "STOP", "citationMetadata": {"citationSources": [{"startIndex": 1}]}';
    const recorded = {
      streamed: streamOf(
        ...parts.slice(0, -1).map((part) => answer(candidate([part]))),
        answer(candidate(parts.slice(-1), end)),
      ),
      whole: answer(candidate(parts, end)),
    };
    const read = await bothWays(await bench(), chat('hi'), recorded);
    expect(read.whole).toEqual(read.streamed);
    expect(read.whole.signed.map((event) => 'signature' in event && event.signature)).toEqual([
      'gemini:thought:dGhpbms=',
      'gemini:text:dGV4dA==',
      'gemini:0:Y2FsbA==',
    ]);
    expect(read.whole.result).toMatchObject({
      choices: [
        {
          text: 'Paris – 🎈',
          reasoning: 'Two ways…',
          finish: 'tool-calls',
          toolCalls: [
            { id: 'call_run_0_0', name: 'get_weather', arguments: ARGS },
            { id: 'own', name: 'now', arguments: '{}' },
          ],
        },
      ],
      warnings: [
        "parts of the kind 'executableCode' are left out of the answer",
        "'citationMetadata' is left out of the answer",
      ],
      usage: { promptTokens: 11, completionTokens: 47, reasoningTokens: 41, cachedPromptTokens: 3 },
    });
  });

  it('with several choices and log-probabilities', async () => {
    const [one, two] = [token('One', -0.1), token(' two', -0.25)];
    const end = ', "finishReason": "MAX_TOKENS"';
    const recorded = {
      streamed: streamOf(
        answer(candidate(['{"text": "One"}'], logprobs(one))),
        answer(candidate(['{"text": "Un"}'], '', 1), candidate(['{"text": " two"}'], logprobs(two) + end)),
        answer(candidate(['{"text": " deux"}'], ', "finishReason": "RECITATION"', 1)),
      ),
      whole: answer(
        candidate(['{"text": "One two"}'], logprobs(one, two) + end),
        candidate(['{"text": "Un deux"}'], ', "finishReason": "RECITATION"', 1),
      ),
    };
    const request = chat('hi', { choices: 2, logprobs: { top: 1 } });
    const read = await bothWays(await bench(), request, recorded);
    expect(read.whole).toEqual(read.streamed);
    const { choices, warnings } = read.whole.result;
    expect(choices.map(({ text, finish }) => [text, finish])).toEqual([
      ['One two', 'length'],
      ['Un deux', 'content-filter'],
    ]);
    expect(choices[0]?.logprobs.map(({ text, logprob, top }) => [text, logprob, top.length])).toEqual([
      ['One', -0.1, 1],
      [' two', -0.25, 1],
    ]);
    expect(warnings).toEqual(["upstream ended the answer with 'RECITATION'"]);
  });

  it('with a prompt that the service blocks', async () => {
    const blocked = `{"promptFeedback": {"blockReason": "SAFETY"}, ${USAGE}}`;
    const read = await bothWays(await bench(), chat('hi'), { streamed: streamOf(blocked), whole: blocked });
    expect(read.whole).toEqual(read.streamed);
    expect(read.whole.result.choices[0]?.finish).toBe('content-filter');
  });
});
