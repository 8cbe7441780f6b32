import { ENGINE, LOG, METRICS, MODELS, serviceToken, SESSIONS, TRACING, USAGE, type SystemModule } from '@golek/system';
import { grpcConfig } from '../config/grpc-config.ts';
import { httpConfig } from '../config/http-config.ts';
import type { GrpcServer } from '../grpc/grpc-server.ts';
import { KserveService } from '../http/kserve/kserve-service.ts';
import { tlsChange, tlsOptions, type TlsMaterial, type TlsServerOptions } from '../http/server-tls.ts';
import type { PlatformLifecycle } from '../platform.ts';
import { VERSION } from '../version.ts';
import { HTTP_SERVER } from './http-module.ts';

export const GRPC_SERVER = serviceToken<GrpcServer>('grpc server');

/** Calls were drained before: what is still open then has this long to reach its client, milliseconds. */
const CLOSE_LIMIT_MS = 2_000;

/** Its own TLS settings, or those of the HTTP server. */
const tlsOf = (own: TlsMaterial, http: TlsMaterial): TlsServerOptions | undefined =>
  tlsOptions('grpc', own) ?? tlsOptions('http', http);

/** The KServe v2 protocol over gRPC, where a port is configured: on the address and with the credentials of the HTTP server. */
export const grpcModule = ({ state, onDrain }: PlatformLifecycle): SystemModule => ({
  name: 'grpc',
  config: [grpcConfig],
  register: (registrar, { configuration }) => {
    const begun = configuration.get(grpcConfig);
    const { port, maxMessageBytes, maxStreams } = begun;
    if (port === undefined) return;
    registrar.register({
      token: GRPC_SERVER,
      needs: [HTTP_SERVER, ENGINE, MODELS, SESSIONS, USAGE, LOG, TRACING, METRICS],
      create: async (http, engine, models, sessions, usage, log, tracing, metrics) => {
        // The library is loaded by those who use it only.
        const [{ createGrpcServer }, { CallMetrics }] = await Promise.all([
          import('../grpc/grpc-server.ts'),
          import('../grpc/call-metrics.ts'),
        ]);
        const { host, tls } = configuration.get(httpConfig);
        const server = createGrpcServer({
          authentication: http.authentication,
          engine,
          readOverrides: (text) => configuration.readOverrides(text),
          log,
          tracing,
          metrics: new CallMetrics(metrics),
          kserve: new KserveService({ models, sessions, usage, state, version: VERSION }),
          config: {
            port,
            host,
            maxMessageBytes,
            maxStreams,
            writeTimeoutMs: () => configuration.get(httpConfig).writeTimeoutMs,
            tls: tlsOf(begun.tls, tls),
          },
        });
        const renew = (): void => {
          const renewed = tlsOf(configuration.get(grpcConfig).tls, configuration.get(httpConfig).tls);
          if (renewed) server.renew(renewed);
        };
        configuration.check(grpcConfig, (values) => tlsChange('grpc', begun.tls, values.tls));
        configuration.watch(grpcConfig, renew, { keys: ['tls'] });
        configuration.watch(httpConfig, renew, { keys: ['tls'] });
        onDrain(() => {
          server.drain();
          return Promise.resolve(true);
        });
        return server;
      },
      start: (server) => server.listen(),
      stop: (server) => server.close(AbortSignal.timeout(CLOSE_LIMIT_MS)),
    });
  },
});
