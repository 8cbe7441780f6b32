import { describe, expect, test } from 'vitest';
import { ChatTemplate } from './chat-template.ts';
import { factsOf } from './gguf-manifest.ts';
import { readGgufFile } from './gguf-file.ts';
import { failure, golden, goldenRequest, tinySource, user } from './tiny-model.fixture.ts';

const none = { beginning: '<s>', end: '</s>' };
const facts = factsOf(await readGgufFile(tinySource.location, new AbortController().signal));

describe('the template of golek-tiny', () => {
  const template = new ChatTemplate(facts.chatTemplate ?? '', undefined, none);
  const chats = Object.entries(golden.answers).filter(([, entry]) => entry.rendered !== undefined);
  test.each(chats)('renders %s as the model was trained', (_name, entry) => {
    const { input } = goldenRequest(entry);
    if (input.type !== 'chat') throw new Error('not a chat');
    expect(template.render('m', input, input.tools ?? [])).toBe(entry.rendered);
  });
});

const render = (source: string, tools = false, toolSource?: string): string =>
  new ChatTemplate(source, toolSource, none).render(
    'm',
    { type: 'chat', messages: [user('Hi')] },
    tools ? [{ name: 'f' }] : [],
  );

test('special tokens are there by their names', () => {
  expect(render('{{ bos_token }}{{ messages[0].content }}{{ eos_token }}')).toBe('<s>Hi</s>');
});

test('a second template is for requests with tools', () => {
  expect(render('plain', false, 'tools')).toBe('plain');
  expect(render('plain', true, '{{ tools[0].function.name }}')).toBe('f');
  expect(render('{{ tools[0].function.parameters.type }}', true)).toBe('object');
});

test('what the template refuses is an invalid request in its words', async () => {
  const error = await failure(() => render("{{ raise_exception('roles must alternate') }}"), 'invalid_request');
  expect(error.message).toContain('roles must alternate');
});

test('tool calls have objects where their arguments are JSON, and the name of the tool beside the result', () => {
  const source =
    '{% for m in messages %}{% if m.tool_calls %}{{ m.tool_calls[0].function.arguments | tojson }}{% endif %}{% if m.role == "tool" %} {{ m.name }}{% endif %}{% endfor %}';
  const messages = (args: string) => [
    { role: 'assistant', content: [], toolCalls: [{ id: 'c', name: 'f', arguments: args }] } as const,
    { role: 'tool', content: [], toolCallId: 'c' } as const,
  ];
  const shown = (args: string): string =>
    new ChatTemplate(source, undefined, none).render('m', { type: 'chat', messages: [...messages(args)] as never }, []);
  expect(shown('{"b": 1, "a": [2]}')).toBe('{"b": 1, "a": [2]} f');
  expect(shown('not json')).toBe('"not json" f');
});
