import { readFileSync } from 'node:fs';
import path from 'node:path';
import { golekTiny } from '@golek/model-tiny';
import type { GenerateRequest, Message } from '@golek/api';

interface GoldenTurn {
  readonly role: 'user' | 'assistant' | 'tool';
  readonly content: string;
  readonly tool_calls?: readonly { readonly name: string; readonly arguments: object }[];
}

interface GoldenTool {
  readonly type: 'function';
  readonly function: {
    readonly name: string;
    readonly description: string;
    readonly parameters: Record<string, unknown>;
  };
}

/** One greedy answer that the model is known to give. */
export interface GoldenCase {
  readonly name: string;
  readonly system?: string;
  readonly turns?: readonly GoldenTurn[];
  readonly tools?: readonly GoldenTool[];
  readonly prompt?: string;
  readonly promptTokens: readonly number[];
  readonly tokens: readonly number[];
  /** Tokens before the first near tie, where the order in which a CPU adds decides. */
  readonly stableTokens: number;
  readonly text: string;
  readonly finish: 'stop' | 'length';
}

interface GoldenFile {
  readonly answers: Readonly<Record<string, Omit<GoldenCase, 'name'>>>;
}

const file = JSON.parse(readFileSync(path.join(path.dirname(golekTiny.path), 'golden.json'), 'utf8')) as GoldenFile;

/** The golden answers of the shipped model. */
export const GOLDEN: readonly GoldenCase[] = Object.entries(file.answers).map(([name, golden]) => ({
  name,
  ...golden,
}));

/** The dialogue in OpenAI's form. */
export const openaiMessages = ({ system, turns = [] }: GoldenCase): Record<string, unknown>[] => {
  let calls = 0;
  const messages = turns.map(({ role, content, tool_calls }): Record<string, unknown> => {
    if (role === 'tool') return { role, content, tool_call_id: `call_${calls - 1}` };
    return {
      role,
      content,
      ...(tool_calls && {
        tool_calls: tool_calls.map((call) => ({
          id: `call_${calls++}`,
          type: 'function',
          function: { name: call.name, arguments: JSON.stringify(call.arguments) },
        })),
      }),
    };
  });
  return system === undefined ? messages : [{ role: 'system', content: system }, ...messages];
};

const text = (content: string) => (content === '' ? [] : [{ type: 'text' as const, text: content }]);

/** The dialogue as a canonical greedy request. */
export const goldenRequest = (golden: GoldenCase): GenerateRequest => {
  const common = { task: 'generate' as const, model: golekTiny.name, sampling: { temperature: 0 } };
  if (golden.prompt !== undefined) {
    return { ...common, input: { type: 'text', prompt: golden.prompt }, maxTokens: Math.max(golden.tokens.length, 1) };
  }
  let calls = 0;
  const messages = (golden.turns ?? []).map(({ role, content, tool_calls }): Message => {
    if (role === 'tool') return { role, content: text(content), toolCallId: `call_${calls - 1}` };
    if (role === 'user') return { role, content: text(content) };
    const toolCalls = tool_calls?.map((call) => ({
      id: `call_${calls++}`,
      name: call.name,
      arguments: JSON.stringify(call.arguments),
    }));
    return { role, content: text(content), ...(toolCalls && { toolCalls }) };
  });
  const system = golden.system === undefined ? [] : [{ role: 'system' as const, content: text(golden.system) }];
  const tools = golden.tools?.map((tool) => tool.function);
  return { ...common, input: { type: 'chat', messages: [...system, ...messages], ...(tools && { tools }) } };
};
