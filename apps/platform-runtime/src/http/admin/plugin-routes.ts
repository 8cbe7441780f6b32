import { describeIssue, GolekError } from '@golek/api';
import type { PluginManager, PluginRegistry } from '@golek/kernel';
import { DisableBody, PluginInfo, PluginReport } from '../../plugins/plugin-schemas.ts';
import type { Exchange } from '../exchange.ts';
import { parseJsonBody } from '../json-body.ts';
import type { Route } from '../route.ts';

export interface PluginRouteDeps {
  readonly registry: Pick<PluginRegistry, 'list' | 'info' | 'enable' | 'disable' | 'reload' | 'rescan'>;
  readonly manager: Pick<PluginManager, 'checkHealth'>;
}

const PARAMETERS = { name: 'Name of the plugin; a slash in it is written %2F.' };

const nameOf = ({ parameters }: Exchange): string => parameters['name'] ?? '';

const isForced = ({ body, request }: Exchange): boolean => {
  if (body === undefined || body.length === 0) return false;
  const value = parseJsonBody(body, request.headers);
  const result = DisableBody.safeParse(value);
  if (result.success) return result.data.force;
  const { message, path, unknownKey } = describeIssue(result.error, value, () => Object.keys(DisableBody.shape));
  throw new GolekError(unknownKey ? 'unknown_parameter' : 'invalid_request', message, { details: { path } });
};

/** Looking at plugins and switching them. A plugin is named, never a path: code comes from the configured places only. */
export const pluginRoutes = ({ registry, manager }: PluginRouteDeps): readonly Route[] => {
  const acting = (
    action: string,
    summary: string,
    run: (name: string, exchange: Exchange) => Promise<void>,
    request?: typeof DisableBody,
  ): Route => ({
    method: 'POST',
    path: `/admin/v1/plugins/:name/${action}`,
    scope: 'admin',
    operation: {
      summary,
      tag: 'administration',
      parameters: PARAMETERS,
      response: PluginInfo,
      ...(request && { request }),
    },
    handle: async (exchange) => {
      const name = nameOf(exchange);
      await run(name, exchange);
      await manager.checkHealth();
      exchange.sendJson(200, registry.info(name));
    },
  });
  return [
    {
      method: 'GET',
      path: '/admin/v1/plugins',
      scope: 'admin',
      operation: {
        summary: 'List the plugins: state, version, health, what each adds and why one failed.',
        tag: 'administration',
        response: PluginReport,
      },
      handle: async (exchange) => {
        await manager.checkHealth();
        exchange.sendJson(200, registry.list());
      },
    },
    {
      method: 'GET',
      path: '/admin/v1/plugins/:name',
      scope: 'admin',
      operation: { summary: 'Show one plugin.', tag: 'administration', parameters: PARAMETERS, response: PluginInfo },
      handle: async (exchange) => {
        await manager.checkHealth();
        exchange.sendJson(200, registry.info(nameOf(exchange)));
      },
    },
    acting('enable', 'Let a disabled plugin run, and start it; also over restarts.', (name) => registry.enable(name)),
    acting(
      'disable',
      'Stop a plugin once the calls that use it have ended, and keep it from running; also over restarts.',
      (name, exchange) => registry.disable(name, { force: isForced(exchange) }),
      DisableBody,
    ),
    acting(
      'reload',
      'Put the files of a plugin as they are now into effect. When that fails, what runs goes on.',
      (name) => registry.reload(name),
    ),
    {
      method: 'POST',
      path: '/admin/v1/plugins/rescan',
      scope: 'admin',
      operation: {
        summary: 'Look for plugins in the configured places: new ones start, those that are gone stop.',
        tag: 'administration',
        response: PluginReport,
      },
      handle: async (exchange) => {
        await registry.rescan();
        await manager.checkHealth();
        exchange.sendJson(200, registry.list());
      },
    },
  ];
};
