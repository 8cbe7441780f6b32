import { CHAT_PARAMS, CLASSIFY_PARAMS, COMPLETION_PARAMS, EMBEDDING_PARAMS } from '@golek/protocols/openai';
import { REQUEST_OPTIONS } from '@golek/providers-spi';
import { expect, test } from 'vitest';

/** Of KServe's requests only, where it has the same name. */
const elsewhere = 'parameters';

test.each(REQUEST_OPTIONS.filter((option) => option !== elsewhere))(
  'the option %s, when a model lacks it, is named as on the wire',
  (option) => {
    const names = { ...CHAT_PARAMS, ...COMPLETION_PARAMS, ...EMBEDDING_PARAMS, ...CLASSIFY_PARAMS };
    expect(names).toHaveProperty([option]);
  },
);
