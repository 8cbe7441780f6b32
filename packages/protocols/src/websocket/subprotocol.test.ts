import fc from 'fast-check';
import { expect, test } from 'vitest';
import { failure } from '../openai/failure.fixture.ts';
import { offeredToken } from './subprotocol.ts';

test('any token comes through', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, unit: 'grapheme' }), (token) => {
      const encoded = Buffer.from(token).toString('base64url');
      expect(offeredToken(`golek.v1, golek.bearer.${encoded}`)).toBe(token);
      expect(offeredToken(`golek.bearer.${encoded},golek.v1`)).toBe(token);
    }),
  );
});

test('nothing offered, or the protocol alone, is no token', () => {
  expect(offeredToken(undefined)).toBeUndefined();
  expect(offeredToken('golek.v2, golek.v1')).toBeUndefined();
});

test.each([
  ['graphql-ws', "the subprotocols offered, graphql-ws, are not spoken here; offer 'golek.v1'"],
  ['golek.bearer.YQ', "offer 'golek.v1' beside it"],
  ['golek.v1, golek.bearer.', 'one bearer token in base64url'],
  ['golek.v1, golek.bearer.YQ==', 'one bearer token in base64url'],
  ['golek.v1, golek.bearer.YQ, golek.bearer.Yg', 'one bearer token in base64url'],
])('%s is refused', (header, text) => {
  const error = failure(() => offeredToken(header));
  expect(error.code).toBe('invalid_request');
  expect(error.message).toContain(text);
});
