import { ENGINE, LOG, MODELS, serviceToken, SESSIONS, USAGE, type SystemModule } from '@golek/system';
import { grpcConfig } from '../config/grpc-config.ts';
import { httpConfig } from '../config/http-config.ts';
import type { GrpcServer } from '../grpc/grpc-server.ts';
import { KserveService } from '../http/kserve/kserve-service.ts';
import type { PlatformLifecycle } from '../platform.ts';
import { VERSION } from '../version.ts';
import { HTTP_SERVER } from './http-module.ts';

export const GRPC_SERVER = serviceToken<GrpcServer>('grpc server');

/** Calls were drained before: what is still open then has this long to reach its client, milliseconds. */
const CLOSE_LIMIT_MS = 2_000;

/** The KServe v2 protocol over gRPC, where a port is configured: on the address and with the credentials of the HTTP server. */
export const grpcModule = ({ state }: Pick<PlatformLifecycle, 'state'>): SystemModule => ({
  name: 'grpc',
  config: [grpcConfig],
  register: (registrar, { configuration }) => {
    const { port, ...limits } = configuration.get(grpcConfig);
    if (port === undefined) return;
    registrar.register({
      token: GRPC_SERVER,
      needs: [HTTP_SERVER, ENGINE, MODELS, SESSIONS, USAGE, LOG],
      create: async (http, engine, models, sessions, usage, log) => {
        // The library is loaded by those who use it only.
        const { createGrpcServer } = await import('../grpc/grpc-server.ts');
        return createGrpcServer({
          authentication: http.authentication,
          engine,
          readOverrides: (text) => configuration.readOverrides(text),
          log,
          kserve: new KserveService({ models, sessions, usage, state, version: VERSION }),
          config: { ...limits, port, host: configuration.get(httpConfig).host },
        });
      },
      start: (server) => server.listen(),
      stop: (server) => server.close(AbortSignal.timeout(CLOSE_LIMIT_MS)),
    });
  },
});
