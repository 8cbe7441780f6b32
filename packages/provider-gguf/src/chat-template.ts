import { Template } from '@huggingface/jinja';
import { GolekError, textOf, type GenerateRequest, type Message, type Tool } from '@golek/providers-spi';
import { OWN_VARIABLES, effortVariable, namesIn, reasoningSwitch } from './template-variables.ts';

type ChatInput = Extract<GenerateRequest['input'], { type: 'chat' }>;

export interface SpecialTexts {
  /** Spelling of the beginning-of-sequence token; '' where there is none. */
  readonly beginning: string;
  readonly end: string;
}

type CallId = (id: string) => string;

/** Put behind the text that an answer goes on from; what the template adds behind it is cut off. */
const HERE = '\u{f8ff}golek-goes-on\u{f8ff}';

const beginning = (messages: readonly Message[]): Extract<Message, { role: 'assistant' }> | undefined => {
  const last = messages.at(-1);
  return last?.role === 'assistant' && !last.toolCalls?.length ? last : undefined;
};

const isEmpty = (message: Message): boolean =>
  textOf(message.content) === '' && (message.role !== 'assistant' || !message.reasoning);

/** Whether a conversation ends with the beginning of the answer, which the model goes on with: an assistant's text. */
export const beginsAnswer = (messages: readonly Message[]): boolean => {
  const last = beginning(messages);
  return last !== undefined && !isEmpty(last);
};

/** A model's own chat template, compiled. */
export class ChatTemplate {
  readonly #template: Template;
  readonly #toolTemplate: Template;
  readonly #special: SpecialTexts;
  readonly #callId: CallId;
  readonly #names: ReadonlySet<string>;

  /** `callId`: ids of tool calls as the template takes them. Throws what the template language throws for a template that it cannot read. */
  constructor(template: string, toolTemplate: string | undefined, special: SpecialTexts, callId: CallId = (id) => id) {
    this.#template = new Template(template);
    this.#toolTemplate = toolTemplate === undefined ? this.#template : new Template(toolTemplate);
    this.#special = special;
    this.#callId = callId;
    this.#names = namesIn(template + (toolTemplate ?? ''));
  }

  /** Whether a request can say that the model shall think or not. */
  get hasReasoningSwitch(): boolean {
    return reasoningSwitch(this.#names) !== undefined;
  }

  get hasReasoningEffort(): boolean {
    return effortVariable(this.#names) !== undefined;
  }

  /**
   * The prompt text for a conversation, up to where the assistant speaks, or goes on where the last message is its own: one without text is as if it were not there. Throws
   * `invalid_request` when the template refuses it, `unsupported` for a variable that the template does not read.
   */
  render(model: string, input: ChatInput, tools: readonly Tool[]): string {
    const last = beginning(input.messages);
    const begins = beginsAnswer(input.messages);
    const messages = last && !begins ? input.messages.slice(0, -1) : input.messages;
    const template = tools.length > 0 ? this.#toolTemplate : this.#template;
    const variables = this.#variables(model, input);
    const shown = messages.map((message) => {
      const plain = templateMessage(message, messages, this.#callId);
      return begins && message === last ? { ...plain, content: `${textOf(message.content)}${HERE}` } : plain;
    });
    try {
      const text = template.render({
        ...variables,
        messages: shown,
        ...(tools.length > 0 && { tools: tools.map(templateTool) }),
        add_generation_prompt: !begins,
        bos_token: this.#special.beginning,
        eos_token: this.#special.end,
      });
      if (!begins) return text;
      const end = text.lastIndexOf(HERE);
      if (end < 0) throw new Error('it does not show the last message, which the answer is to go on from');
      return text.slice(0, end);
    } catch (cause) {
      throw new GolekError(
        'invalid_request',
        `the chat template of '${model}' does not accept these messages: ${GolekError.from(cause).message}`,
        {
          cause,
          details: { model },
        },
      );
    }
  }

  #variables(model: string, { reasoning, templateOptions = {} }: ChatInput): Record<string, unknown> {
    const variables: Record<string, unknown> = { ...templateOptions };
    for (const name of Object.keys(templateOptions)) {
      if (OWN_VARIABLES.has(name) || !this.#names.has(name)) {
        const why = OWN_VARIABLES.has(name) ? 'is set by the engine' : 'is not read by it';
        throw new GolekError('unsupported', `the variable '${name}' of the chat template of '${model}' ${why}`, {
          details: { option: 'templateOptions', name, model },
        });
      }
    }
    const set = (name: string | undefined, value: unknown): void => {
      if (name === undefined || value === undefined) return;
      if (name in variables && variables[name] !== value)
        throw new GolekError('invalid_request', `'reasoning' and 'templateOptions' set '${name}' differently`, {
          details: { field: 'input.templateOptions' },
        });
      variables[name] = value;
    };
    set(reasoningSwitch(this.#names), reasoning?.enabled);
    set(effortVariable(this.#names), reasoning?.effort);
    return variables;
  }
}

// Templates expect the shape of Hugging Face's chat format, which is OpenAI's with the arguments of tool calls as objects.
const templateMessage = (message: Message, all: readonly Message[], callId: CallId): Record<string, unknown> => {
  const content = textOf(message.content);
  switch (message.role) {
    case 'tool':
      return {
        role: 'tool',
        content,
        tool_call_id: callId(message.toolCallId),
        ...toolName(message.toolCallId, all),
      };
    case 'assistant':
      return {
        role: 'assistant',
        content,
        ...(message.name !== undefined && { name: message.name }),
        ...(message.reasoning !== undefined && { reasoning_content: message.reasoning }),
        ...(message.toolCalls && {
          tool_calls: message.toolCalls.map((call) => ({
            id: callId(call.id),
            type: 'function',
            function: { name: call.name, arguments: argumentsOf(call.arguments) },
          })),
        }),
      };
    default:
      return { role: message.role, content, ...(message.name !== undefined && { name: message.name }) };
  }
};

/** Some templates show the name of the tool beside its result. */
const toolName = (id: string, messages: readonly Message[]): { name?: string } => {
  for (const message of messages) {
    const call = message.role === 'assistant' ? message.toolCalls?.find((candidate) => candidate.id === id) : undefined;
    if (call) return { name: call.name };
  }
  return {};
};

/** Arguments that are not a JSON object, as a model may have written, stay the text that they are. */
const argumentsOf = (text: string): unknown => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : text;
  } catch {
    return text;
  }
};

const templateTool = ({ name, description, parameters }: Tool): Record<string, unknown> => ({
  type: 'function',
  function: {
    name,
    ...(description !== undefined && { description }),
    parameters: parameters ?? { type: 'object', properties: {} },
  },
});
