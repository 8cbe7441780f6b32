import { GolekError, nearest, type Principal, type Task } from '@golek/api';
import type { Engine, EventBus, LifeSettings, ModelRegistry, SessionPool, UsageMeter } from '@golek/kernel';
import type { Log } from '@golek/plugins-api';
import { toolFailure, type ToolResult } from '@golek/protocols/mcp';
import type { HealthReport, RuntimeState } from '../http/health.ts';
import { LoadedModels } from '../models/loaded-models.ts';
import { adminTools } from './admin-tools.ts';
import type { ServerStatus } from './admin-tool-definitions.ts';
import { defaultModel } from './default-model.ts';
import { inferenceTools } from './inference-tools.ts';
import { listModelsTool, McpModels } from './mcp-models.ts';
import type { McpTool, ToolUse } from './mcp-tool.ts';
import { serverStatus } from './server-status.ts';

export interface McpHostDeps {
  readonly engine: Pick<Engine, 'run' | 'inFlight' | 'calls' | 'cancel'>;
  readonly models: Pick<ModelRegistry, 'list' | 'names' | 'resolve' | 'routes'>;
  readonly sessions: Pick<SessionPool, 'status' | 'load' | 'unload'>;
  readonly usage: Pick<UsageMeter, 'totals'>;
  readonly events: Pick<EventBus, 'subscribe'>;
  readonly life: () => Pick<LifeSettings, 'maxLoaded' | 'memoryBytes'>;
  readonly health: readonly HealthReport[];
  readonly state: () => RuntimeState;
  readonly version: string;
  /** The model for callers who name none, where it can do the task. */
  readonly preferred: (task: Task) => string | undefined;
  readonly log: Log;
}

const mayUse = ({ definition }: McpTool, { scopes }: Principal): boolean => scopes.includes(definition.scope);

/** What Golek offers over MCP, whichever way a client is connected. */
export class McpHost {
  readonly version: string;
  readonly models: McpModels;
  readonly status: () => ServerStatus;
  readonly #log: Log;
  readonly #tools: ReadonlyMap<string, McpTool>;

  constructor(deps: McpHostDeps) {
    const { engine, models, sessions, preferred } = deps;
    const loaded = new LoadedModels(deps);
    this.version = deps.version;
    this.#log = deps.log;
    this.models = new McpModels(deps);
    this.status = () => serverStatus({ ...deps, loaded });
    const tools = [
      ...inferenceTools({
        engine,
        defaultModel: (principal, task) => defaultModel(models, principal, task, preferred(task)),
      }),
      listModelsTool(this.models),
      ...adminTools({ engine, sessions, loaded, status: this.status }),
    ];
    this.#tools = new Map(tools.map((tool) => [tool.definition.name, tool]));
  }

  /** The tools that the caller may call. */
  toolsFor(principal: Principal): McpTool[] {
    return [...this.#tools.values()].filter((tool) => mayUse(tool, principal));
  }

  /** Undefined for a name that no tool has. */
  tool(name: string): McpTool | undefined {
    return this.#tools.get(name);
  }

  /** A name close to that of a tool that the caller may call. */
  nearestTool(name: string, principal: Principal): string | undefined {
    return nearest(
      name.slice(0, 128),
      this.toolsFor(principal).map(({ definition }) => definition.name),
    );
  }

  /** Calls a tool. What fails becomes a result that says so: the model that called may correct itself. */
  async call(tool: McpTool, args: unknown, use: ToolUse): Promise<ToolResult> {
    const { definition, params } = tool;
    const { principal } = use.caller;
    try {
      if (!mayUse(tool, principal)) throw refusal(tool, principal);
      return await tool.run(args ?? {}, use);
    } catch (thrown) {
      if (thrown instanceof GolekError) return toolFailure(thrown, params);
      if (use.signal.aborted) return toolFailure(GolekError.from(use.signal.reason, 'cancelled'), params);
      this.#log.error({ err: thrown, tool: definition.name }, 'a tool of the MCP server failed');
      return toolFailure(
        new GolekError('internal', `the tool '${definition.name}' failed; the log of the server has the cause`),
      );
    }
  }
}

const refusal = ({ definition: { name, scope } }: McpTool, { id, scopes }: Principal): GolekError =>
  new GolekError(
    'permission_denied',
    `the tool '${name}' needs the scope '${scope}'; '${id.slice(0, 80)}' has ${scopes.join(', ') || 'none'}`,
    { details: { scope } },
  );
