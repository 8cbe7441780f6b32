import { textOf, type InferenceEvent, type InferenceRequest } from '@golek/api';

/** Text that may have been cut to its bound. */
interface Captured {
  readonly text: string;
  readonly truncated: boolean;
}

interface CapturedMessage {
  readonly role: string;
  readonly parts: readonly { readonly type: 'text'; readonly content: string }[];
}

/** Takes pieces until a number of characters is used up. */
class Budget {
  truncated = false;
  #left: number;

  constructor(length: number) {
    this.#left = length;
  }

  take(text: string): string {
    const taken = text.length <= this.#left ? text : text.slice(0, this.#left);
    if (taken.length < text.length) this.truncated = true;
    this.#left -= taken.length;
    return taken;
  }
}

const message = (role: string, content: string): CapturedMessage => ({ role, parts: [{ type: 'text', content }] });

/** The prompt in the shape of `gen_ai.input.messages`, at most `length` characters of text; undefined where a request has none. Images are left out. */
export const capturedInput = (request: InferenceRequest, length: number): Captured | undefined => {
  if (request.task !== 'generate') return undefined;
  const budget = new Budget(length);
  const { input } = request;
  const messages =
    input.type === 'chat'
      ? input.messages.map(({ role, content }) => message(role, budget.take(textOf(content))))
      : [message('user', budget.take(typeof input.prompt === 'string' ? input.prompt : input.prompt.join(' ')))];
  const kept = messages.filter(({ parts: [part] }) => part?.content !== '');
  return { text: JSON.stringify(kept), truncated: budget.truncated };
};

/** Gathers the text of an answer, all choices together at most `length` characters. */
export class CapturedAnswer {
  readonly #budget: Budget;
  readonly #choices: string[] = [];

  constructor(length: number) {
    this.#budget = new Budget(length);
  }

  get truncated(): boolean {
    return this.#budget.truncated;
  }

  take(event: InferenceEvent): void {
    if (event.type !== 'text') return;
    this.#choices[event.choice] = (this.#choices[event.choice] ?? '') + this.#budget.take(event.text);
  }

  /** In the shape of `gen_ai.output.messages`; undefined when there was no text. */
  text(): string | undefined {
    if (this.#choices.length === 0) return undefined;
    return JSON.stringify(Array.from(this.#choices, (text: string | undefined) => message('assistant', text ?? '')));
  }
}
