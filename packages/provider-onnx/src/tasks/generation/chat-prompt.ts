import { Template } from '@huggingface/jinja';
import { GolekError, textOf, type GenerateRequest } from '@golek/providers-spi';

type ChatInput = Extract<GenerateRequest['input'], { type: 'chat' }>;

/** A model's own chat template. */
export class ChatPrompt {
  readonly #name: string;
  readonly #template: Template;
  readonly #special: { readonly bos_token: string; readonly eos_token: string };

  /** Throws `model_invalid` for a template that cannot be read. */
  constructor(name: string, template: string, special: { readonly bos_token: string; readonly eos_token: string }) {
    this.#name = name;
    this.#special = special;
    try {
      this.#template = new Template(template);
    } catch (cause) {
      throw new GolekError(
        'model_invalid',
        `the chat template of model '${name}' cannot be read: ${GolekError.from(cause).message}`,
        { cause },
      );
    }
  }

  /** The prompt up to where the assistant speaks. Throws `invalid_request` when the template refuses the conversation. */
  render({ messages }: ChatInput): string {
    try {
      return this.#template.render({
        messages: messages.map((message) => ({ role: message.role, content: textOf(message.content) })),
        add_generation_prompt: true,
        ...this.#special,
      });
    } catch (cause) {
      throw new GolekError(
        'invalid_request',
        `the chat template of '${this.#name}' does not accept these messages: ${GolekError.from(cause).message}`,
        { cause, details: { model: this.#name } },
      );
    }
  }
}
