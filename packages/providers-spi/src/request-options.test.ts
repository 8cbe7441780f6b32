import { describe, expect, it } from 'vitest';
import type { InferenceRequest, SessionCapabilities } from './index.ts';
import { REQUEST_OPTIONS, refuseUnsupported, usedOptions } from './request-options.ts';
import { requestUsing } from './testing/contract/option-requests.ts';

describe('usedOptions', () => {
  it.each(REQUEST_OPTIONS)('names %s when a request uses it', (option) => {
    expect(usedOptions(requestUsing(option, 'm', ['input.chat']))).toContain(option);
  });

  it('names nothing but what is used', () => {
    expect(usedOptions({ task: 'embed', model: 'm', inputs: ['a'] })).toEqual([]);
    expect(usedOptions({ task: 'tokenize', model: 'm', text: 'a' })).toEqual([]);
    expect(usedOptions({ task: 'classify', model: 'm', inputs: ['a'] })).toEqual([]);
    const source = { kind: 'url', url: 'x' } as const;
    const inputs = ['a', { type: 'image', source }, { type: 'image', source }] as const;
    expect(usedOptions({ task: 'classify', model: 'm', inputs: [...inputs] })).toEqual(['input.image']);
    const plain: InferenceRequest = {
      task: 'generate',
      model: 'm',
      input: { type: 'text', prompt: 'a' },
      sampling: {},
      output: { type: 'text' },
      choices: 1,
      stop: [],
    };
    expect(usedOptions(plain)).toEqual(['input.text']);
    const neutral = { topP: 1, topK: 0, minP: 0, frequencyPenalty: 0, presencePenalty: 0, repeatPenalty: 1 };
    expect(usedOptions({ ...plain, sampling: neutral })).toEqual(['input.text']);
  });
});

describe('refuseUnsupported', () => {
  const capabilities: SessionCapabilities = { tasks: ['generate'], options: ['input.chat', 'maxTokens'], parallel: 1 };

  it('lets pass what the session can do', () => {
    expect(() => refuseUnsupported(requestUsing('maxTokens', 'm', ['input.chat']), 'm', capabilities)).not.toThrow();
  });

  it('names the option or the task that it cannot do', () => {
    const refuse = (request: InferenceRequest) => (): void => refuseUnsupported(request, 'm', capabilities);
    expect(refuse(requestUsing('logprobs', 'm', ['input.chat']))).toThrow(
      expect.objectContaining({ code: 'unsupported', details: { option: 'logprobs', model: 'm' } }),
    );
    expect(refuse({ task: 'embed', model: 'm', inputs: ['a'] })).toThrow(
      expect.objectContaining({ code: 'unsupported', details: { task: 'embed', model: 'm' } }),
    );
  });
});
