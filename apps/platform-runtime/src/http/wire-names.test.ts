import { CHAT_PARAMS, COMPLETION_PARAMS, EMBEDDING_PARAMS } from '@golek/protocols/openai';
import { REQUEST_OPTIONS } from '@golek/providers-spi';
import { expect, test } from 'vitest';

test.each(REQUEST_OPTIONS)('the option %s, when a model lacks it, is named as on the wire', (option) => {
  expect({ ...CHAT_PARAMS, ...COMPLETION_PARAMS, ...EMBEDDING_PARAMS }).toHaveProperty([option]);
});
