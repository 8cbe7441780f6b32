import {
  collect,
  type InferenceEvent,
  type InferenceRequest,
  type InferenceResult,
  type Principal,
  type Task,
} from '@golek/api';
import { createCall, type Engine } from '@golek/kernel';
import {
  CHAT_TOOL,
  CHAT_TOOL_PARAMS,
  chatOutput,
  CLASSIFY_TOOL,
  CLASSIFY_TOOL_PARAMS,
  classifyOutput,
  EMBED_TOOL,
  EMBED_TOOL_PARAMS,
  embedOutput,
  readChatArguments,
  readClassifyArguments,
  readEmbedArguments,
  readRerankArguments,
  RERANK_TOOL,
  RERANK_TOOL_PARAMS,
  rerankOutput,
  toolResult,
  type ToolDefinition,
  type ToolResult,
  type WireParams,
} from '@golek/protocols/mcp';
import type { McpTool, ToolUse } from './mcp-tool.ts';

export interface InferenceToolDeps {
  readonly engine: Pick<Engine, 'run'>;
  /** The model for a caller who names none. Throws `model_not_found`. */
  readonly defaultModel: (principal: Principal, task: Task) => string;
}

/** How the tool of one task is read and answered. */
interface Translation<R extends InferenceRequest> {
  readonly definition: ToolDefinition;
  readonly params: WireParams;
  readonly task: R['task'];
  readonly read: (args: unknown, defaultModel: () => string) => R;
  readonly answer: (result: InferenceResult, request: R) => ToolResult;
}

async function* watched(
  events: AsyncIterable<InferenceEvent>,
  watch: ToolUse['watch'],
): AsyncGenerator<InferenceEvent> {
  for await (const event of events) {
    await watch?.(event);
    yield event;
  }
}

/** The tools that run a model. */
export const inferenceTools = ({ engine, defaultModel }: InferenceToolDeps): McpTool[] => {
  const tool = <R extends InferenceRequest>({ definition, params, task, read, answer }: Translation<R>): McpTool => ({
    definition,
    params,
    run: async (args, { caller, signal, watch }) => {
      const request = read(args, () => defaultModel(caller.principal, task));
      // Progress is told of every event.
      const whole = task === 'generate' && !watch;
      const events = engine.run(createCall({ ...caller.callOptions(), request, signal, whole }));
      return answer(await collect(watch ? watched(events, watch) : events), request);
    },
  });
  return [
    tool({
      definition: CHAT_TOOL,
      params: CHAT_TOOL_PARAMS,
      task: 'generate',
      read: readChatArguments,
      answer: (result, request) => {
        const output = chatOutput(result, request);
        return toolResult(output, output.text);
      },
    }),
    tool({
      definition: EMBED_TOOL,
      params: EMBED_TOOL_PARAMS,
      task: 'embed',
      read: readEmbedArguments,
      answer: (result, request) => toolResult(embedOutput(result, request)),
    }),
    tool({
      definition: RERANK_TOOL,
      params: RERANK_TOOL_PARAMS,
      task: 'rerank',
      read: readRerankArguments,
      answer: (result, request) => toolResult(rerankOutput(result, request)),
    }),
    tool({
      definition: CLASSIFY_TOOL,
      params: CLASSIFY_TOOL_PARAMS,
      task: 'classify',
      read: readClassifyArguments,
      answer: (result, request) => toolResult(classifyOutput(result, request)),
    }),
  ];
};
