import { GolekError, nearest, type GenerateRequest, type InferenceEvent, type Message } from '@golek/api';
import { invalid } from '../request-body/parse-body.ts';
import type { ToolResultMessage } from './client-message.ts';

type AssistantMessage = Extract<Message, { role: 'assistant' }>;
type ToolCall = NonNullable<AssistantMessage['toolCalls']>[number];
type Block = NonNullable<AssistantMessage['reasoningBlocks']>[number];
type ChatInput = Extract<GenerateRequest['input'], { type: 'chat' }>;

/** A conversation that waits for the results of its last message's tool calls. */
export interface OpenRound {
  readonly request: GenerateRequest & { readonly input: ChatInput };
  readonly answer: AssistantMessage & { readonly toolCalls: readonly ToolCall[] };
}

/** Puts the answer of a chat with one choice together as it goes by, so that the conversation can go on without being sent again. */
export class AnswerRecord {
  readonly #request: GenerateRequest;
  #text = '';
  #reasoning = '';
  /** Text of the block of reasoning that has not ended. */
  #block = '';
  readonly #blocks: Block[] = [];
  readonly #calls: { id: string; name: string; arguments: string }[] = [];
  #finish: string | undefined;

  constructor(request: GenerateRequest) {
    this.#request = request;
  }

  /** Only a chat with tools and one answer can go on after it. */
  static of({
    requests: [request, ...others],
    choices,
  }: {
    readonly requests: readonly GenerateRequest[];
    readonly choices: number;
  }): AnswerRecord | undefined {
    if (!request || others.length > 0 || choices !== 1) return undefined;
    return request.input.type === 'chat' && request.input.tools?.length ? new AnswerRecord(request) : undefined;
  }

  add(event: InferenceEvent): void {
    switch (event.type) {
      case 'text':
        this.#text += event.text;
        return;
      case 'reasoning':
        this.#reasoning += event.text;
        this.#block += event.text;
        if (event.redacted !== undefined) this.#blocks.push({ redacted: event.redacted });
        if (event.signature === undefined) return;
        // An empty one ends a block that nobody signed.
        if (event.signature !== '') this.#blocks.push({ text: this.#block, signature: event.signature });
        this.#block = '';
        return;
      case 'tool-call': {
        const call = (this.#calls[event.index] ??= { id: '', name: '', arguments: '' });
        if (event.id !== undefined) call.id = event.id;
        if (event.name !== undefined) call.name = event.name;
        call.arguments += event.arguments;
        return;
      }
      case 'finish':
        this.#finish = event.reason;
    }
  }

  /** Undefined when the answer did not end with tool calls. */
  get round(): OpenRound | undefined {
    const { input } = this.#request;
    const calls = this.#calls.filter(Boolean);
    if (this.#finish !== 'tool-calls' || calls.length === 0 || input.type !== 'chat') return undefined;
    const answer = {
      role: 'assistant' as const,
      content: this.#text === '' ? [] : [{ type: 'text' as const, text: this.#text }],
      ...(this.#reasoning !== '' && { reasoning: this.#reasoning }),
      ...(this.#blocks.length > 0 && { reasoningBlocks: this.#blocks }),
      toolCalls: calls,
    };
    return { request: { ...this.#request, input }, answer };
  }
}

const checkResults = (calls: readonly ToolCall[], results: ToolResultMessage['results']): void => {
  const open = new Set(calls.map(({ id }) => id));
  for (const [index, { tool_call_id: id }] of results.entries()) {
    if (open.delete(id)) continue;
    const path = `results[${index}].tool_call_id`;
    const shown = id.slice(0, 80);
    if (calls.some((call) => call.id === id))
      throw invalid(path, `'${path}': there are two results of '${shown}'; send one`);
    const hint = nearest(
      shown,
      calls.map((call) => call.id),
    );
    const remedy =
      hint === undefined ? `the calls are ${calls.map((call) => call.id).join(', ')}` : `did you mean '${hint}'?`;
    throw invalid(path, `'${path}': the answer has no tool call '${shown}'; ${remedy}`);
  }
  const [missing] = open;
  if (missing === undefined) return;
  throw invalid(
    'results',
    `'results' lacks the tool call '${missing}'; send the results of all ${calls.length} calls together`,
  );
};

const choiceOf = (choice: NonNullable<ToolResultMessage['tool_choice']>): ChatInput['toolChoice'] =>
  typeof choice === 'string' ? { type: choice } : { type: 'tool', name: choice.function.name };

/** The request that goes on with a conversation. Throws `invalid_request` unless each tool call has one result. */
export const continued = (
  { request, answer }: OpenRound,
  { results, tool_choice: choice }: Pick<ToolResultMessage, 'results' | 'tool_choice'>,
): GenerateRequest => {
  checkResults(answer.toolCalls, results);
  const { input } = request;
  const told = results.map(({ tool_call_id: toolCallId, content, is_error: isError }): Message => ({
    role: 'tool',
    content: content === '' ? [] : [{ type: 'text', text: content }],
    toolCallId,
    ...(isError !== undefined && { isError }),
  }));
  return {
    ...request,
    input: {
      ...input,
      messages: [...input.messages, answer, ...told],
      ...(choice !== undefined && { toolChoice: choiceOf(choice) }),
    },
  };
};

/** What answers a `tool_result` that nothing waits for. */
export const noOpenRound = (id: string): GolekError =>
  new GolekError(
    'conflict',
    `no conversation '${id.slice(0, 80)}' waits for tool results on this socket: it did not end with 'awaits_tool_results', or was kept too long ago; ` +
      "send a 'start' with all messages",
  );
