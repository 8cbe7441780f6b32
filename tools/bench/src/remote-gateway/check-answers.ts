import { CHAT_PATH, requestBody } from '../gateway.ts';
import { answerWords } from './answer.ts';
import type { Contender } from './contenders.ts';

interface Choice {
  readonly message?: { readonly content: string };
  readonly delta?: { readonly content?: string };
}

const contentOf = (json: string): string => {
  const { choices } = JSON.parse(json) as { readonly choices: readonly Choice[] };
  return choices.map(({ message, delta }) => message?.content ?? delta?.content ?? '').join('');
};

/** Throws where a gateway does not give the whole text of the upstream, plain and streamed: its speed would mean nothing. */
export const checkAnswers = async ({ name, port, headers }: Contender, chunks: number): Promise<void> => {
  const expected = answerWords(chunks).join('');
  for (const stream of [false, true]) {
    const answer = await fetch(`http://127.0.0.1:${port}${CHAT_PATH}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: requestBody(`chunks-${chunks}`, stream),
    });
    const text = await answer.text();
    const records = stream ? text.split('\n\n').filter((record) => record.startsWith('data: {')) : [`data: ${text}`];
    const isWhole =
      answer.status === 200 && records.map((record) => contentOf(record.slice('data: '.length))).join('') === expected;
    if (!isWhole || (stream && !text.endsWith('data: [DONE]\n\n')))
      throw new Error(`${name} answered with ${answer.status}, ${stream ? 'streamed' : 'plain'}: ${text.slice(-500)}`);
  }
};
