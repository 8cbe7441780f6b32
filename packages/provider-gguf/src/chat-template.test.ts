import { describe, expect, test } from 'vitest';
import type { Message } from '@golek/providers-spi';
import { ChatTemplate, beginsAnswer } from './chat-template.ts';
import { factsOf } from './gguf-manifest.ts';
import { namesIn } from './template-variables.ts';
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

describe('a conversation that ends with the beginning of the answer', () => {
  const source =
    '{% for m in messages %}[{{ m.role }}]{% if m.reasoning_content %}<think>{{ m.reasoning_content }}</think>{% endif %}{{ m.content | trim }}[end]{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}';
  const said = (text: string, rest: object = {}): Message => ({
    role: 'assistant',
    content: text === '' ? [] : [{ type: 'text', text }],
    ...rest,
  });
  const shown = (messages: Message[], template = source): string =>
    new ChatTemplate(template, undefined, none).render('m', { type: 'chat', messages }, []);

  test('is cut where the model goes on, whatever the template puts there', () => {
    expect(shown([user('Hi'), said('Once e')])).toBe('[user]Hi[end][assistant]Once e');
    expect(shown([user('Hi'), said('e '), said('n ')])).toBe('[user]Hi[end][assistant]e[end][assistant]n ');
    expect(shown([user('Hi'), said('So', { reasoning: 'Hm' })])).toBe('[user]Hi[end][assistant]<think>Hm</think>So');
    expect(beginsAnswer([user('Hi'), said('Once')])).toBe(true);
  });

  test('is as if it were not there when it is empty; calls and others are turns', () => {
    expect(shown([user('Hi'), said('')])).toBe('[user]Hi[end][assistant]');
    const call = said('x', { toolCalls: [{ id: 'c', name: 'f', arguments: '{}' }] });
    expect(shown([user('Hi'), call])).toBe('[user]Hi[end][assistant]x[end][assistant]');
    expect([beginsAnswer([user('Hi'), said('')]), beginsAnswer([call]), beginsAnswer([said('x'), user('Hi')])]).toEqual(
      [false, false, false],
    );
  });

  test('is refused by a template that does not show it', async () => {
    const error = await failure(
      () => shown([user('Hi'), said('Once')], '{{ messages[0].content }}'),
      'invalid_request',
    );
    expect(error.message).toContain('does not show the last message');
  });
});

describe('variables', () => {
  const thinking = (source: string): ChatTemplate => new ChatTemplate(source, undefined, none);
  const qwen = thinking('{% if enable_thinking is defined and enable_thinking is false %}off{% else %}on{% endif %}');
  const shown = (template: ChatTemplate, rest: object): string =>
    template.render('m', { type: 'chat', messages: [user('Hi')], ...rest }, []);

  test('the switch of reasoning has the name that the template knows', () => {
    expect(qwen.hasReasoningSwitch).toBe(true);
    expect(shown(qwen, {})).toBe('on');
    expect(shown(qwen, { reasoning: { enabled: true } })).toBe('on');
    expect(shown(qwen, { reasoning: { enabled: false } })).toBe('off');
    const other = thinking('{{ "thinking" if thinking else "no" }}');
    expect(shown(other, { reasoning: { enabled: true } })).toBe('thinking');
    const effort = thinking('{{ reasoning_effort | default("medium") }}');
    expect([effort.hasReasoningSwitch, effort.hasReasoningEffort]).toEqual([false, true]);
    expect(shown(effort, { reasoning: { effort: 'high' } })).toBe('high');
  });

  test('what stands in texts and as a member is no variable', () => {
    const template = thinking(
      "enable_thinking {{ 'enable_thinking' }} {{ messages[0].thinking }} {# reasoning_effort #}",
    );
    expect([template.hasReasoningSwitch, template.hasReasoningEffort]).toEqual([false, false]);
  });

  test('others are passed on, but only those that are read, and not those of the engine', async () => {
    expect(shown(qwen, { templateOptions: { enable_thinking: false } })).toBe('off');
    const data = thinking('{{ documents[0].title }}');
    expect(shown(data, { templateOptions: { documents: [{ title: 'A' }] } })).toBe('A');
    for (const templateOptions of [{ enable_thinkin: false }, { messages: [] }, { bos_token: 'x' }]) {
      const error = await failure(() => shown(qwen, { templateOptions }), 'unsupported');
      expect(error.details).toMatchObject({ option: 'templateOptions', name: Object.keys(templateOptions)[0] });
    }
    const both = { reasoning: { enabled: true }, templateOptions: { enable_thinking: false } };
    await failure(() => shown(qwen, both), 'invalid_request');
  });
});

test('a template that never ends its tags and strings is searched all the same', () => {
  expect([...namesIn(`{% if a %}${"{{ '\\".repeat(100_000)}`)]).toEqual(['if', 'a']);
});
