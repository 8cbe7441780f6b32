import { collect, GolekError, type GenerateRequest, type InferenceRequest } from '@golek/api';
import type { InterceptorContribution } from '@golek/plugins-api';
import type { SessionCapabilities } from '@golek/providers-spi';
import { expect, it } from 'vitest';
import { callOf, chatOf, kernelOf } from '../kernel.fixture.ts';
import { withLimitTold, withOutputLimit } from './output-limit.ts';

const ask = (rest: Partial<GenerateRequest> = {}): GenerateRequest => ({
  ...(chatOf('a') as GenerateRequest),
  ...rest,
});
const capable = (rest: Partial<SessionCapabilities> = {}): SessionCapabilities => ({
  tasks: ['generate'],
  options: ['input.chat', 'maxTokens'],
  parallel: 1,
  ...rest,
});

it.each<
  [
    what: string,
    asked: number | undefined,
    limit: number | undefined,
    context: number | undefined,
    sent: number | undefined,
    unnamed?: number,
  ]
>([
  ['no limit changes nothing', undefined, undefined, 50, undefined],
  ['an answer without a limit gets it', undefined, 100, undefined, 100],
  ['and where the context is larger', undefined, 100, 101, 100],
  ['a smaller context bounds the answer already', undefined, 100, 100, undefined],
  ['less is as asked', 99, 100, undefined, 99],
  ['more, as a phase may ask, is cut', 101, 100, 50, 100],
  ["the protocol's default bounds what names no limit", undefined, undefined, 50, 16, 16],
  ["and is no larger than the server's", undefined, 7, 50, 7, 16],
  ["and never the server's where that is larger", undefined, 100, 50, 16, 16],
  ['and has nothing to say to what names one', 30, 100, 50, 30, 16],
  ['nor where the context is smaller', undefined, 100, 12, undefined, 16],
])('%s', (_, maxTokens, most, contextLength, expected, unnamed) => {
  const request = ask({ ...(maxTokens !== undefined && { maxTokens }) });
  const sent = withOutputLimit(request, { most, unnamed }, 'a', capable({ ...(contextLength && { contextLength }) }));
  expect(sent).toEqual({ ...request, ...(expected !== undefined && { maxTokens: expected }) });
  if (expected === maxTokens) expect(sent).toBe(request);
});

it('has nothing to say to other tasks, and refuses a model that takes no limit', () => {
  const embed: InferenceRequest = { task: 'embed', model: 'a', inputs: ['x'] };
  expect(withOutputLimit(embed, { most: 1 }, 'a', capable({ options: [] }))).toBe(embed);
  expect(() => withOutputLimit(ask(), { most: 5 }, 'a', capable({ options: ['input.chat'] }))).toThrow(
    "model 'a' does not support 'maxTokens', and limits.maxOutputTokens bounds every answer to 5 tokens",
  );
  expect(() => withOutputLimit(ask(), { most: 9, unnamed: 5 }, 'a', capable({ options: ['input.chat'] }))).toThrow(
    "model 'a' does not support 'maxTokens', and the protocol, since the request names no max_tokens, bounds",
  );
  const small = withOutputLimit(ask(), { most: 5 }, 'a', capable({ options: ['input.chat'], contextLength: 4 }));
  expect(small).toEqual(ask());
});

it('tells a caller of the limit that it did not ask for when the request is refused', () => {
  const refused = new GolekError('invalid_request', 'too large', { details: { status: 400 } });
  expect(withLimitTold(refused, ask(), { ...ask(), maxTokens: 7 }, { most: 7 })).toMatchObject({
    code: 'invalid_request',
    message: expect.stringMatching(/^too large \(the request was sent with max_tokens 7, .*limits\.maxOutputTokens/),
    details: { status: 400 },
  });
  expect(withLimitTold(refused, ask(), { ...ask(), maxTokens: 16 }, { most: 20, unnamed: 16 }).message).toContain(
    "max_tokens 16, the protocol's default",
  );
  const same = ask();
  expect(withLimitTold(refused, same, same, {})).toBe(refused);
  const down = new GolekError('provider_failed', 'down');
  expect(withLimitTold(down, ask(), { ...ask(), maxTokens: 7 }, { most: 7 })).toBe(down);
});

it('bounds every answer behind the dispatch, of each caller by its own limit, whatever phases ask for', async () => {
  const greedy: InterceptorContribution = {
    phase: 'PRE_PROCESSING',
    name: 'greedy',
    intercept: (next) => (call) => next({ ...call, request: { ...ask(), maxTokens: 1000 } }),
  };
  const answer = Array.from({ length: 20 }, () => 'x');
  for (const phases of [[], [greedy]]) {
    const { engine } = await kernelOf({ a: { answer } }, phases, {
      outputLimitOf: ({ principal }) => (principal.tenant === 'small' ? 3 : 7),
    });
    const call = callOf(ask({ choices: 2 }));
    const { choices } = await collect(engine.run(call));
    expect(choices.map(({ text, finish }) => [text.length, finish])).toEqual(
      phases.length > 0 ? [[7, 'length']] : Array(2).fill([7, 'length']),
    );
    const small = await collect(engine.run({ ...call, principal: { ...call.principal, tenant: 'small' } }));
    expect(small.choices[0]).toMatchObject({ text: 'xxx', finish: 'length' });
  }
});
