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
   * The prompt text for a conversation, up to where the assistant speaks. Throws `invalid_request` when the template refuses it,
   * `unsupported` for a variable that the template does not read.
   */
  render(model: string, input: ChatInput, tools: readonly Tool[]): string {
    const { messages } = input;
    const template = tools.length > 0 ? this.#toolTemplate : this.#template;
    const variables = this.#variables(model, input);
    try {
      return template.render({
        ...variables,
        messages: messages.map((message) => templateMessage(message, messages, this.#callId)),
        ...(tools.length > 0 && { tools: tools.map(templateTool) }),
        add_generation_prompt: true,
        bos_token: this.#special.beginning,
        eos_token: this.#special.end,
      });
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
