import { ENGINE, EVENTS, LOG, MODELS, serviceToken, SESSIONS, USAGE, type SystemModule } from '@golek/system';
import { httpConfig } from '../config/http-config.ts';
import { mcpConfig } from '../config/mcp-config.ts';
import { modelsConfig } from '../config/models-config.ts';
import { preferredModel } from '../mcp/default-model.ts';
import { mcpRoutes } from '../mcp/mcp-routes.ts';
import { McpService } from '../mcp/mcp-service.ts';
import { lifeSettings } from '../models/life-settings.ts';
import type { PlatformLifecycle } from '../platform.ts';
import { VERSION } from '../version.ts';
import { HEALTH_REPORTS, HTTP_ROUTES } from './http-module.ts';

const MCP_SERVICE = serviceToken<McpService>('mcp server');

/** The MCP server on the HTTP server. `forText`: the model that generates for clients who name none, where the configuration has no default. */
export const mcpModule = ({ state, onDrain }: PlatformLifecycle, forText: string | undefined): SystemModule => ({
  name: 'mcp',
  config: [mcpConfig],
  register: (registrar, { configuration }) => {
    const { allowedOrigins, ...sessions } = configuration.get(mcpConfig);
    registrar.register({
      token: MCP_SERVICE,
      needs: [ENGINE, MODELS, SESSIONS, USAGE, EVENTS, HEALTH_REPORTS, LOG],
      create: (engine, models, pool, usage, events, health, log) => {
        const service = new McpService({
          host: {
            engine,
            models,
            sessions: pool,
            usage,
            events,
            life: () => lifeSettings(configuration.get(modelsConfig)),
            health,
            state,
            version: VERSION,
            preferred: preferredModel(() => configuration.get(modelsConfig).default, forText),
            log,
          },
          sessions,
          limits: () => configuration.get(httpConfig),
          readOverrides: (text) => configuration.readOverrides(text),
        });
        onDrain(async () => {
          await service.endFeeds();
          return true;
        });
        return service;
      },
      stop: (service) => service.close(),
    });
    registrar.contribute({
      to: HTTP_ROUTES,
      name: 'mcp',
      needs: [MCP_SERVICE],
      create: ({ endpoint }) =>
        mcpRoutes({
          endpoint,
          allowedOrigins: () => [...allowedOrigins, ...configuration.get(httpConfig).origins],
        }),
    });
  },
});
