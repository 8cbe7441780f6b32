import type { Engine, SessionPool } from '@golek/kernel';
import { parseArguments, toolResult, type ToolDefinition } from '@golek/protocols/mcp';
import type { z } from 'zod';
import type { LoadedModels } from '../models/loaded-models.ts';
import { parseKeepAlive } from '../models/life-settings.ts';
import {
  CANCEL_REQUEST_TOOL,
  CancelArguments,
  LIST_REQUESTS_TOOL,
  LOAD_MODEL_TOOL,
  LoadArguments,
  MOST_REQUESTS,
  SERVER_STATUS_TOOL,
  UNLOAD_MODEL_TOOL,
  UnloadArguments,
  type RequestList,
  type ServerStatus,
} from './admin-tool-definitions.ts';
import type { McpTool, ToolUse } from './mcp-tool.ts';

export interface AdminToolDeps {
  readonly engine: Pick<Engine, 'calls' | 'cancel'>;
  readonly sessions: Pick<SessionPool, 'load' | 'unload'>;
  readonly loaded: LoadedModels;
  readonly status: () => ServerStatus;
}

/** The tools that administer the server. */
export const adminTools = ({ engine, sessions, loaded, status }: AdminToolDeps): McpTool[] => {
  const tool = <I extends z.ZodObject>(
    definition: ToolDefinition,
    input: I,
    run: (args: z.output<I>, use: ToolUse) => Record<string, unknown> | Promise<Record<string, unknown>>,
  ): McpTool => ({
    definition,
    params: {},
    run: async (args, use) => toolResult(await run(parseArguments(input, args), use)),
  });

  const requests = (): z.infer<typeof RequestList> => {
    const calls = engine.calls();
    const now = performance.now();
    return {
      requests: calls.slice(0, MOST_REQUESTS).map(({ id, protocol, request, principal, receivedAt }) => ({
        id,
        protocol,
        task: request.task,
        model: request.model,
        tenant: principal.tenant,
        principal: principal.id,
        ageMs: Math.round(now - receivedAt),
      })),
      total: calls.length,
    };
  };

  return [
    tool(SERVER_STATUS_TOOL, SERVER_STATUS_TOOL.input, status),
    tool(LOAD_MODEL_TOOL, LoadArguments, async ({ model, keepAlive }, { signal }) => {
      const entry = loaded.entryOf(model);
      await sessions.load(entry, signal, keepAlive === undefined ? {} : { keepAliveMs: parseKeepAlive(keepAlive) });
      return loaded.stateOf(entry);
    }),
    tool(UNLOAD_MODEL_TOOL, UnloadArguments, async ({ model }, { signal }) => {
      const entry = loaded.entryOf(model);
      await sessions.unload(entry.manifest.name, signal);
      return loaded.stateOf(entry);
    }),
    tool(LIST_REQUESTS_TOOL, LIST_REQUESTS_TOOL.input, requests),
    tool(CANCEL_REQUEST_TOOL, CancelArguments, ({ id }) => ({ id, cancelled: engine.cancel(id) })),
  ];
};
