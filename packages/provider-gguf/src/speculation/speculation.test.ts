import { golekTiny } from '@golek/model-tiny';
import type { GenerateRequest, GolekError, InferenceEvent, ModelSession } from '@golek/providers-spi';
import { expect, test } from 'vitest';
import type { GgufModelOptions } from '../options.ts';
import { GgufProvider } from '../provider.ts';

const signal = AbortSignal.timeout(240_000);

const requests: Readonly<Record<string, Omit<GenerateRequest, 'task' | 'model'>>> = {
  greedy: { input: { type: 'text', prompt: 'Golek is' }, maxTokens: 60, sampling: { temperature: 0 } },
  repeating: {
    input: { type: 'text', prompt: 'one two three four. one two three four. one two three' },
    maxTokens: 60,
    sampling: { temperature: 0 },
  },
  drawn: { input: { type: 'text', prompt: 'Golek is' }, maxTokens: 60, sampling: { temperature: 1, seed: 7 } },
  observed: {
    input: { type: 'text', prompt: 'Golek is' },
    maxTokens: 20,
    sampling: { temperature: 0 },
    logprobs: { top: 2 },
  },
  stopped: { input: { type: 'text', prompt: 'Golek is' }, maxTokens: 60, sampling: { temperature: 0 }, stop: ['e'] },
  penalised: {
    input: { type: 'text', prompt: 'a b a b a b a b' },
    maxTokens: 40,
    sampling: { temperature: 0, frequencyPenalty: 1, repeatPenalty: 1.3 },
  },
  'held by a grammar': {
    input: { type: 'text', prompt: 'Numbers:' },
    maxTokens: 40,
    sampling: { temperature: 0 },
    output: { type: 'grammar', grammar: 'root ::= ("1, 2, 3, ")+' },
  },
};

const eventsOf = async (session: ModelSession, request: Omit<GenerateRequest, 'task' | 'model'>): Promise<string> => {
  const events: InferenceEvent[] = [];
  for await (const event of session.run({ task: 'generate', model: 'm', ...request }, { id: '1', signal }))
    if (event.type !== 'usage') events.push(event);
  return JSON.stringify(joined(events));
};

/** What was said, whatever the pieces. */
const joined = (events: readonly InferenceEvent[]): unknown => ({
  text: events.map((event) => (event.type === 'text' ? event.text : '')).join(''),
  logprobs: events.flatMap((event) => (event.type === 'text' ? (event.logprobs ?? []) : [])),
  rest: events.filter(({ type }) => type !== 'text'),
});

const answers = async (options: GgufModelOptions, together: number): Promise<Record<string, string>> => {
  await using provider = new GgufProvider({ gpu: false, threads: 1, contextSize: 256, parallel: 3, ...options });
  await using session = await provider.open({ name: 'm', location: golekTiny.path }, { signal });
  const found: Record<string, string> = {};
  for (const [name, request] of Object.entries(requests)) {
    const all = await Promise.all(Array.from({ length: together }, () => eventsOf(session, request)));
    for (const answer of all) expect(answer, name).toBe(all[0]);
    found[name] = all[0] ?? '';
  }
  return found;
};

const refusal = async (options: GgufModelOptions): Promise<GolekError> => {
  await using provider = new GgufProvider({ gpu: false, threads: 1, contextSize: 64, parallel: 1, ...options });
  try {
    await provider.open({ name: 'm', location: golekTiny.path }, { signal });
  } catch (error) {
    return error as GolekError;
  }
  throw new Error('the model was opened');
};

test(
  'every way of guessing gives the answers that there are without, alone and beside others',
  { timeout: 240_000 },
  async () => {
    const plain = await answers({}, 1);
    expect(Object.values(plain).every((answer) => answer.length > 30)).toBe(true);
    for (const together of [1, 3]) {
      expect(await answers({ speculation: 'prompt-lookup' }, together)).toEqual(plain);
      expect(await answers({ speculation: 'draft-model', draftModel: golekTiny.path }, together)).toEqual(plain);
    }
  },
);

test('a draft model that does not fit is refused by name', { timeout: 60_000 }, async () => {
  const without = await refusal({ speculation: 'draft-model' });
  expect([without.code, without.details]).toEqual(['config_invalid', { option: 'draftModel' }]);
  const missing = await refusal({ speculation: 'draft-model', draftModel: '/no/such/draft.gguf' });
  expect([missing.code, missing.message]).toEqual(['model_not_found', expect.stringContaining('/no/such/draft.gguf')]);
});
