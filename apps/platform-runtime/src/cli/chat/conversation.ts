import type { GenerateRequest, Message } from '@golek/api';

type Generation = Pick<GenerateRequest, 'sampling' | 'output' | 'maxTokens' | 'stop'>;

const text = (content: string): Message['content'] => [{ type: 'text', text: content }];

/** What was said so far. */
export class Conversation {
  system: string | undefined;
  #messages: Message[] = [];

  constructor(system: string | undefined) {
    this.system = system;
  }

  /** System prompt first, where there is one. */
  get messages(): readonly Message[] {
    const first: Message[] = this.system === undefined ? [] : [{ role: 'system', content: text(this.system) }];
    return [...first, ...this.#messages];
  }

  ask(question: string): void {
    this.#messages.push({ role: 'user', content: text(question) });
  }

  answered(answer: string): void {
    this.#messages.push({ role: 'assistant', content: text(answer) });
  }

  /** Takes back a question that got no answer. */
  takeBack(): void {
    if (this.#messages.at(-1)?.role === 'user') this.#messages.pop();
  }

  reset(): void {
    this.#messages = [];
  }

  request(model: string, generation: Generation): GenerateRequest {
    return { task: 'generate', model, input: { type: 'chat', messages: [...this.messages] }, ...generation };
  }
}
