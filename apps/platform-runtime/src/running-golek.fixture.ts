import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { collect, SILENT_LOG, type InferenceRequest, type InferenceResult } from '@golek/api';
import { createCall } from '@golek/kernel';
import { fakeProvider, type FakeModel } from '@golek/providers-spi/testing';
import { ENGINE, PROVIDERS, resolveConfiguration, type System } from '@golek/system';
import { composeServer } from './compose-server.ts';
import { loadSettings, PLATFORM_SECTIONS } from './config/platform-config.ts';
import { GRPC_SERVER, grpcModule } from './modules/grpc-module.ts';
import { HTTP_SERVER, httpModule } from './modules/http-module.ts';
import { createPlatform } from './platform.ts';

/** What `golek serve` runs, in this process: engines in processes of their own, HTTP and gRPC on free ports of loopback. */
export interface RunningGolek extends AsyncDisposable {
  readonly system: System;
  readonly url: string;
  readonly grpcPort: number;
  /** Requests that its engine works on. */
  readonly inFlight: () => number;
  /** Asks its engine, without a protocol between. */
  readonly run: (request: InferenceRequest) => Promise<InferenceResult>;
}

const running = (system: System, clean: () => Promise<void>): RunningGolek => {
  const engine = system.get(ENGINE);
  return {
    system,
    url: system.get(HTTP_SERVER).address.url,
    grpcPort: system.get(GRPC_SERVER).port,
    inFlight: () => engine.inFlight,
    run: (request) => collect(engine.run(createCall({ request, signal: AbortSignal.timeout(30_000) }))),
    [Symbol.asyncDispose]: async () => {
      await system.stop();
      await clean();
    },
  };
};

export const startGolek = async (config: object = {}): Promise<RunningGolek> => {
  const home = await mkdtemp(path.join(tmpdir(), 'golek-running-'));
  const clean = (): Promise<void> => rm(home, { recursive: true, force: true });
  try {
    // JSON is YAML.
    await writeFile(path.join(home, 'golek.yaml'), JSON.stringify({ grpc: { port: 0 }, ...config }));
    const environment = { GOLEK_HOME: home, GOLEK_HTTP_PORT: '0', GOLEK_LOG_LEVEL: 'silent', GOLEK_GGUF_THREADS: '1' };
    const { system } = await composeServer(await loadSettings({ environment }));
    await system.start();
    return running(system, clean);
  } catch (error) {
    await clean();
    throw error;
  }
};

/** The same with scripted models, registered under their locations. */
export const startScripted = async (models: Readonly<Record<string, FakeModel>>): Promise<RunningGolek> => {
  const { system } = createPlatform({
    configuration: resolveConfiguration({
      sections: PLATFORM_SECTIONS,
      environment: { GOLEK_HTTP_PORT: '0', GOLEK_GRPC_PORT: '0' },
    }),
    log: SILENT_LOG,
    models: Object.keys(models).map((name) => ({ source: { name, location: name }, provider: 'fake' })),
    isolation: 'in-process',
    server: (lifecycle) => [httpModule(lifecycle), grpcModule(lifecycle)],
    modules: [
      {
        name: 'fake',
        register: (registrar) =>
          registrar.contribute({ to: PROVIDERS, name: 'fake', create: () => fakeProvider({ models }) }),
      },
    ],
  });
  await system.start();
  return running(system, () => Promise.resolve());
};
