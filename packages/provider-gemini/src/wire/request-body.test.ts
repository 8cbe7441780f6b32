import type { Content, GenerationConfig, Tool, ToolConfig } from '@google/genai';
import { GolekError, type InferenceEvent, type Message } from '@golek/api';
import { describe, expect, it } from 'vitest';
import { chat, chatInput, type ChatInput } from '../upstream.fixture.ts';
import { countBody, embedBody, generateBody, type WireSettings } from './request-body.ts';

const SETTINGS: WireSettings = {
  stream: true,
  thinking: 'level',
  signatures: 'required',
  schemas: 'json-schema',
  body: {},
};

/** The body in the types of the official client. */
interface Body {
  readonly systemInstruction?: Content;
  readonly contents: readonly Content[];
  readonly tools?: readonly Tool[];
  readonly toolConfig?: ToolConfig;
  readonly generationConfig: GenerationConfig;
}

const written = (
  input: Partial<ChatInput>,
  more: Partial<Parameters<typeof chat>[1]> = {},
  own: Partial<WireSettings> = {},
) => {
  const events: InferenceEvent[] = [];
  const request = { ...chat('hi'), input: chatInput('hi', input), ...more };
  const { body, path } = generateBody(request, 'gemini-x', { ...SETTINGS, ...own }, events);
  return {
    path,
    body: JSON.parse(body) as Body,
    warnings: events.map((event) => event.type === 'warning' && event.message),
  };
};

const text = (words: string): Message['content'] => [{ type: 'text', text: words }];
const call = { id: 'c', name: 'f', arguments: '{}' };

describe('the body of a request', () => {
  it('has nothing that was not asked for', () => {
    expect(written({})).toEqual({
      path: '/models/gemini-x:streamGenerateContent?alt=sse',
      body: { contents: [{ role: 'user', parts: [{ text: 'hi' }] }], generationConfig: {} },
      warnings: [],
    });
    expect(written({}, {}, { stream: false }).path).toBe('/models/gemini-x:generateContent');
  });

  it('has the path of models with a collection of their own', () => {
    const { path } = generateBody(chat('hi'), 'tunedModels/my model', SETTINGS, []);
    expect(path).toBe('/tunedModels/my%20model:streamGenerateContent?alt=sse');
  });

  it('has the first system messages apart, and the results of a turn as one content', () => {
    const { body, warnings } = written({
      messages: [
        { role: 'system', content: text('Be brief.') },
        { role: 'system', content: text('Be kind.') },
        { role: 'user', content: text('a') },
        {
          role: 'assistant',
          content: text(''),
          reasoningBlocks: [{ text: 'Hm.', signature: 'gemini:0:c2ln' }],
          toolCalls: [call, { id: 'd', name: 'g', arguments: '' }],
        },
        { role: 'tool', toolCallId: 'd', content: text('2') },
        { role: 'tool', toolCallId: 'c', content: text('1') },
        { role: 'user', content: text('b') },
        { role: 'system', content: text('In French.') },
      ],
    });
    expect(warnings).toEqual([
      "system messages after the first turn are sent as the user's: the Gemini API has one place",
    ]);
    expect(body.systemInstruction).toEqual({ parts: [{ text: 'Be brief.' }, { text: 'Be kind.' }] });
    expect(body.contents).toEqual([
      { role: 'user', parts: [{ text: 'a' }] },
      {
        role: 'model',
        parts: [
          { text: 'Hm.', thought: true },
          { functionCall: { id: 'c', name: 'f', args: {} }, thoughtSignature: 'c2ln' },
          { functionCall: { id: 'd', name: 'g', args: {} } },
        ],
      },
      {
        role: 'user',
        parts: [
          { functionResponse: { id: 'd', name: 'g', response: { output: '2' } } },
          { functionResponse: { id: 'c', name: 'f', response: { output: '1' } } },
        ],
      },
      { role: 'user', parts: [{ text: 'b' }] },
      { role: 'user', parts: [{ text: 'In French.' }] },
    ]);
  });

  it('has files by their bytes and by their addresses, also as results of tools', () => {
    const image = { type: 'image', source: { kind: 'base64', mediaType: 'image/png', data: 'AA==' } } as const;
    const at = (url: string) => ({ type: 'image', source: { kind: 'url', url } }) as const;
    const { body } = written({
      messages: [
        { role: 'user', content: [image, at('https://example.org/a.JPG?b=c'), at('https://example.org/files/1')] },
        { role: 'assistant', content: [], toolCalls: [call] },
        { role: 'tool', toolCallId: 'c', content: [...text('here'), image] },
      ],
    });
    expect(body.contents[0]?.parts).toEqual([
      { inlineData: { mimeType: 'image/png', data: 'AA==' } },
      { fileData: { mimeType: 'image/jpeg', fileUri: 'https://example.org/a.JPG?b=c' } },
      { fileData: { fileUri: 'https://example.org/files/1' } },
    ]);
    expect(body.contents[2]?.parts?.[0]?.functionResponse).toEqual({
      id: 'c',
      name: 'f',
      response: { output: 'here' },
      parts: [{ inlineData: { mimeType: 'image/png', data: 'AA==' } }],
    });
  });

  it('marks calls that nobody signed where the model wants signatures', () => {
    const messages: Message[] = [
      { role: 'user', content: text('a') },
      { role: 'assistant', content: text('b'), toolCalls: [call, { ...call, id: 'd' }] },
    ];
    const required = written({ messages });
    expect(required.warnings).toEqual([
      'calls of earlier turns have no signature of the service: it is told to take them without a check',
    ]);
    expect(required.body.contents[1]?.parts?.map(({ thoughtSignature }) => thoughtSignature)).toEqual([
      undefined,
      'skip_thought_signature_validator',
      undefined,
    ]);
    const optional = written({ messages }, {}, { signatures: 'optional' });
    expect([JSON.stringify(optional.body).includes('thoughtSignature'), optional.warnings]).toEqual([false, []]);
  });

  it('tells what it cannot say', () => {
    const { body, warnings } = written({
      messages: [
        { role: 'user', name: 'ann', content: text('a') },
        { role: 'assistant', reasoning: 'Hm.', content: text('b') },
        {
          role: 'assistant',
          content: text('c'),
          reasoningBlocks: [{ text: 'Hm.', signature: 'of-another-service' }, { redacted: 'xyz' }],
          toolCalls: [{ ...call, arguments: '{"a":' }],
        },
        { role: 'tool', toolCallId: 'nobody', content: text('1') },
      ],
    });
    expect(warnings).toEqual([
      'names of messages are not sent: the Gemini API has none',
      'reasoning of earlier turns is not sent: the service did not sign it',
      'reasoning of earlier turns is not sent where another service signed it',
      'calls of earlier turns have no signature of the service: it is told to take them without a check',
      "the arguments of a call of 'f' are no JSON object: they are sent as INVALID_JSON",
      "the result of 'nobody' belongs to no call before it: the id is sent as the tool's name",
    ]);
    expect(body.contents[2]?.parts?.[1]?.functionCall?.args).toEqual({ INVALID_JSON: '{"a":' });
    expect(body.contents[3]?.parts?.[0]?.functionResponse?.name).toBe('nobody');
  });

  it('refuses an image where the API takes text only', () => {
    const source = { kind: 'base64', mediaType: 'image/png', data: 'AA==' } as const;
    for (const role of ['assistant', 'system'] as const) {
      const write = () => written({ messages: [{ role, content: [{ type: 'image', source }] }] });
      expect(write).toThrow(GolekError);
      expect(write).toThrow(`in a message of the role '${role}'`);
    }
  });

  it.each([
    [{ enabled: true }, {}, { includeThoughts: true }, 0],
    [{ enabled: true, budgetTokens: 2000 }, {}, { includeThoughts: true, thinkingBudget: 2000 }, 0],
    [{ enabled: true, budgetTokens: 9, effort: 'low' }, {}, { includeThoughts: true, thinkingBudget: 9 }, 0],
    [{ effort: 'minimal' }, {}, { thinkingLevel: 'MINIMAL' }, 0],
    [{ effort: 'max' }, {}, { thinkingLevel: 'HIGH' }, 1],
    [{ enabled: false }, {}, { thinkingLevel: 'MINIMAL' }, 1],
    [{ enabled: false, effort: 'high' }, { thinking: 'budget' }, { thinkingBudget: 0 }, 0],
    [{ effort: 'medium' }, { thinking: 'budget' }, { thinkingBudget: 8192 }, 0],
    [{}, {}, undefined, 0],
  ] as const)('says how much to think: %j with %j', (reasoning, own, expected, warnings) => {
    const { body, warnings: told } = written({ reasoning }, {}, own);
    expect([body.generationConfig.thinkingConfig, told.length]).toEqual([expected, warnings]);
  });

  it('offers tools with a choice among them, and none without', () => {
    const tools = [{ name: 'f', parameters: { type: 'object' } }, { name: 'g' }];
    const { body } = written({ tools });
    expect(body.tools).toEqual([
      { functionDeclarations: [{ name: 'f', parametersJsonSchema: { type: 'object' } }, { name: 'g' }] },
    ]);
    expect(body.toolConfig).toBeUndefined();
    const config = (more: Partial<ChatInput>) => written({ tools, ...more }).body.toolConfig?.functionCallingConfig;
    expect(config({ toolChoice: { type: 'auto' } })).toEqual({ mode: 'AUTO' });
    expect(config({ toolChoice: { type: 'none' } })).toEqual({ mode: 'NONE' });
    expect(config({ toolChoice: { type: 'required' } })).toEqual({ mode: 'ANY' });
    expect(config({ toolChoice: { type: 'tool', name: 'g' } })).toEqual({ mode: 'ANY', allowedFunctionNames: ['g'] });
    expect(config({ tools: [{ name: 'f', strict: true }] })).toEqual({ mode: 'VALIDATED' });
    expect(written({ toolChoice: { type: 'none' } }).body.toolConfig).toBeUndefined();
  });

  it('has schemas under the names of the service', () => {
    const schema = { type: 'object' };
    const more = { output: { type: 'json-schema', schema } } as const;
    const tools = [{ name: 'f', parameters: schema }];
    const openapi = written({ tools }, more, { schemas: 'openapi' }).body;
    expect(openapi.generationConfig).toEqual({ responseMimeType: 'application/json', responseSchema: schema });
    expect(openapi.tools?.[0]?.functionDeclarations).toEqual([{ name: 'f', parameters: schema }]);
    expect(written({}, more).body.generationConfig.responseJsonSchema).toEqual(schema);
    expect(written({}, { output: { type: 'json' } }).body.generationConfig).toEqual({
      responseMimeType: 'application/json',
    });
  });

  it('has numbers as the service takes them', () => {
    const { generationConfig } = written(
      {},
      { sampling: { topK: 0, seed: 0xffffffff }, choices: 1, logprobs: { top: 0 } },
    ).body;
    expect(generationConfig).toEqual({ seed: -1, responseLogprobs: true });
  });

  it('has what the settings add', () => {
    const body = { safetySettings: [], generationConfig: { mediaResolution: 'MEDIA_RESOLUTION_LOW' } };
    expect(written({}, { maxTokens: 7 }, { body }).body).toMatchObject({
      safetySettings: [],
      generationConfig: { maxOutputTokens: 7, mediaResolution: 'MEDIA_RESOLUTION_LOW' },
    });
  });
});

it('the body of a count is the prompt', () => {
  const input = chatInput('hi', { reasoning: { enabled: true }, tools: [{ name: 'f' }] });
  const { path, body } = countBody({ task: 'count', model: 'm', input }, 'gemini-x', SETTINGS, []);
  expect([path, JSON.parse(body)]).toEqual([
    '/models/gemini-x:countTokens',
    {
      generateContentRequest: {
        model: 'models/gemini-x',
        contents: [{ role: 'user', parts: [{ text: 'hi' }] }],
        tools: [{ functionDeclarations: [{ name: 'f' }] }],
      },
    },
  ]);
});

it('the body of embeddings has each input with the fields of the model', () => {
  const request = { task: 'embed' as const, model: 'm', inputs: ['a', 'b'], dimensions: 8 };
  const { path, body } = embedBody(request, 'embed-x', { body: { taskType: 'RETRIEVAL_QUERY' } });
  const one = (words: string) => ({
    model: 'models/embed-x',
    content: { parts: [{ text: words }] },
    outputDimensionality: 8,
    taskType: 'RETRIEVAL_QUERY',
  });
  expect([path, JSON.parse(body)]).toEqual(['/models/embed-x:batchEmbedContents', { requests: [one('a'), one('b')] }]);
});
