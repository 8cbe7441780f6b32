import { collect, DetokenizeRequest, TokenizeRequest } from '@golek/api';
import { expect, test } from 'vitest';
import { eventsFrom } from './events.fixture.ts';
import { failure } from './failure.fixture.ts';
import { detokenizeResponse, readDetokenizeRequest, readTokenizeRequest, tokenizeResponse } from './tokenize.ts';

test('defaults are those of llama-server', () => {
  expect(TokenizeRequest.parse(readTokenizeRequest({ content: 'a' }, ['tiny']))).toEqual({
    task: 'tokenize',
    model: 'tiny',
    text: 'a',
    addSpecial: false,
    parseSpecial: true,
  });
  const body = { model: 'other', content: 'a', add_special: true, parse_special: false, with_pieces: false };
  expect(readTokenizeRequest(body, ['tiny'])).toMatchObject({ model: 'other', addSpecial: true, parseSpecial: false });
});

test('the model may be left out only where there is one', () => {
  expect(failure(() => readTokenizeRequest({ content: 'a' }, ['a', 'b'])).details).toEqual({ path: 'model' });
  expect(failure(() => readDetokenizeRequest({ tokens: [] }, [])).details).toEqual({ path: 'model' });
});

test('detokenize', () => {
  expect(DetokenizeRequest.parse(readDetokenizeRequest({ tokens: [1, 2] }, ['tiny']))).toEqual({
    task: 'detokenize',
    model: 'tiny',
    tokens: [1, 2],
  });
  expect(failure(() => readDetokenizeRequest({ tokens: ['a'] }, ['tiny'])).details).toEqual({ path: 'tokens[0]' });
});

test('answers', async () => {
  const tokens = await collect(eventsFrom([{ type: 'tokens', tokens: [1, 2] }]));
  expect(tokenizeResponse(tokens)).toEqual({ tokens: [1, 2] });
  const text = eventsFrom([
    { type: 'text', choice: 0, text: 'a' },
    { type: 'text', choice: 0, text: 'b' },
  ]);
  expect(await detokenizeResponse(text)).toEqual({ content: 'ab' });
});

test('with_pieces is refused by name', () => {
  expect(failure(() => readTokenizeRequest({ content: 'a', with_pieces: true }, ['tiny']))).toMatchObject({
    code: 'unsupported',
    details: { path: 'with_pieces' },
  });
});
