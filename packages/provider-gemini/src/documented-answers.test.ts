import type { Behaviour } from '@golek/faulty-upstream';
import { expect, it } from 'vitest';
import { bench } from './upstream.fixture.ts';

/** The bytes of a stream with thoughts, as the API's documentation describes them: CRLF, fields that nobody asked for, running counts. */
const STREAM = [
  `data: {"candidates": [{"content": {"parts": [{"text": "**Weighing it**\\n\\nTwo ways…","thought": true}],"role": "model"},"index": 0}],"usageMetadata": {"promptTokenCount": 11,"totalTokenCount": 52,"promptTokensDetails": [{"modality": "TEXT","tokenCount": 11}],"thoughtsTokenCount": 41},"modelVersion": "gemini-x","responseId": "kM3haOa7"}`,
  `data: {"candidates": [{"content": {"parts": [{"text": "Paris – "}],"role": "model"},"index": 0,"safetyRatings": [{"category": "HARM_CATEGORY_HARASSMENT","probability": "NEGLIGIBLE"}]}],"usageMetadata": {"promptTokenCount": 11,"candidatesTokenCount": 2,"totalTokenCount": 54,"thoughtsTokenCount": 41},"modelVersion": "gemini-x"}`,
  `data: {"candidates": [{"content": {"parts": [{"text": "日本 🎈","thoughtSignature": "CiQB0e2Kb7=="}],"role": "model"},"finishReason": "STOP","index": 0}],"usageMetadata": {"promptTokenCount": 11,"candidatesTokenCount": 6,"totalTokenCount": 58,"thoughtsTokenCount": 41},"modelVersion": "gemini-x","responseId": "kM3haOa7"}`,
];

/** A whole answer is written for readers. */
const WHOLE = JSON.stringify(
  {
    candidates: [
      {
        content: {
          parts: [
            { text: '**Weighing it**\n\nTwo ways…', thought: true },
            { text: 'Paris – 日本 🎈', thoughtSignature: 'CiQB0e2Kb7==' },
          ],
          role: 'model',
        },
        finishReason: 'STOP',
        index: 0,
        avgLogprobs: -0.1,
      },
    ],
    usageMetadata: { promptTokenCount: 11, candidatesTokenCount: 6, totalTokenCount: 58, thoughtsTokenCount: 41 },
    modelVersion: 'gemini-x',
  },
  null,
  2,
);

it.each<[string, Behaviour]>([
  ['streamed', { kind: 'raw', body: STREAM.map((line) => `${line}\r\n\r\n`) }],
  ['streamed in one packet, without the last line end', { kind: 'raw', body: [STREAM.join('\n\n')] }],
  [
    'whole',
    {
      kind: 'raw',
      headers: { 'content-type': 'application/json; charset=UTF-8' },
      body: WHOLE.match(/[^]{1,50}/g) ?? [],
    },
  ],
])('an answer with thoughts, %s', async (_, behaviour) => {
  const { ask } = await bench({}, { documented: behaviour });
  expect(await ask('documented')).toMatchObject({
    choices: [{ text: 'Paris – 日本 🎈', reasoning: '**Weighing it**\n\nTwo ways…', finish: 'stop' }],
    usage: { promptTokens: 11, completionTokens: 47, reasoningTokens: 41 },
    warnings: [],
  });
});
