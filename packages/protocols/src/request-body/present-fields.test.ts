import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ChatRequest } from '../openai/chat-request.ts';
import { parseBody } from './parse-body.ts';
import { parsePresent } from './present-fields.ts';

const Body = z.strictObject({
  name: z.string().max(4),
  size: z.int().optional(),
  note: z.string().nullish(),
  tags: z.array(z.string()).optional(),
});

describe('the fields that a body has', () => {
  it.each([{ name: 'a' }, { name: 'a', size: 1, note: null, tags: ['b'] }, { note: 'c', name: 'a', size: undefined }])(
    'are read as by the whole schema: %j',
    (body) => {
      const read = parsePresent(Body, body);
      expect(read).toEqual(Body.parse(body));
      expect(Object.keys(read ?? {}).toSorted()).toEqual(Object.keys(Body.parse(body)).toSorted());
    },
  );

  it.each([
    ['a wrong value', { name: 'longer' }],
    ['a missing one', { size: 1 }],
    ['one that only its prototype has', Object.create({ name: 'a' })],
    ['an unknown one', { name: 'a', colour: 1 }],
    ['a name of every object', JSON.parse('{ "name": "a", "__proto__": {}, "constructor": 1 }')],
    ['no object', ['a']],
    ['null', null],
  ])('are left to the whole schema where there is %s', (_, body) => {
    expect(parsePresent(Body, body)).toBeUndefined();
  });

  it('are not enough for a schema that says more than its fields', () => {
    const body = { name: 'a' };
    expect(parsePresent(z.object({ name: z.string() }), body)).toBeUndefined();
    expect(parsePresent(z.record(z.string(), z.string()), body)).toBeUndefined();
    expect(
      parsePresent(
        Body.refine(({ size }) => size !== undefined, 'needs a size'),
        body,
      ),
    ).toBeUndefined();
    expect(parsePresent(Body.extend({ kind: z.string().default('b') }), body)).toBeUndefined();
  });

  it('give the same chat request, and the same error, as the whole schema', () => {
    const body = {
      model: 'm',
      messages: [
        { role: 'user', content: [{ type: 'text', text: 'hello' }] },
        {
          role: 'assistant',
          content: null,
          tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }],
        },
      ],
      temperature: 0.5,
      stop: 'x',
      metadata: { a: 'b' },
    };
    expect(parsePresent(ChatRequest, body)).toEqual(ChatRequest.parse(body));
    expect(parseBody(ChatRequest, body)).toEqual(ChatRequest.parse(body));
    expect(() => parseBody(ChatRequest, { ...body, temperature: 'warm' })).toThrow(/temperature/);
    expect(() => parseBody(ChatRequest, { ...body, temprature: 1 })).toThrow(/did you mean 'temperature'/);
    expect(() => parseBody(ChatRequest, { model: 'm' })).toThrow(/messages/);
  });
});
