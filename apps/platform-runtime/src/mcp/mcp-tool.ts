import type { InferenceEvent } from '@golek/api';
import type { ToolDefinition, ToolResult, WireParams } from '@golek/protocols/mcp';
import type { McpCaller } from './mcp-caller.ts';

/** One call of a tool. */
export interface ToolUse {
  readonly caller: McpCaller;
  /** Aborted when the caller is gone or has cancelled the call. */
  readonly signal: AbortSignal;
  /** Told each event of a run, and waited for; absent where the caller asked for no progress. */
  readonly watch?: (event: InferenceEvent) => Promise<void> | undefined;
}

/** A tool and what it does. */
export interface McpTool {
  readonly definition: ToolDefinition;
  /** Names of canonical options among its arguments, for errors. */
  readonly params: WireParams;
  /** Throws GolekError. */
  readonly run: (args: unknown, use: ToolUse) => Promise<ToolResult>;
}
