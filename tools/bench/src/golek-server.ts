/**
 * Golek's HTTP server as `golek serve` composes it, with a fake provider in place of an engine: all phases and the log
 * of `golek serve` on standard error. Prints its port.
 */
import { createHttpServer } from '@golek/platform-runtime';
import { fakeProvider } from '@golek/providers-spi/testing';
import { createLogger, createSystem, ENGINE, kernelModule, MODELS, PROVIDERS, SESSIONS, USAGE } from '@golek/system';
import { paced } from './paced-provider.ts';

const [chunks = '20'] = process.argv.slice(2);
const words = Array.from({ length: Number(chunks) }, (_, index) => `word${index} `);
// `whole` answers in one event, as a remote provider does for a plain request; `chunks` in one event for each word.
const provider = paced(fakeProvider({ models: { whole: { answer: [words.join('')] }, chunks: { answer: words } } }));
const log = createLogger({ level: 'info', format: 'json' });
const system = createSystem({
  log,
  modules: [
    kernelModule({ limits: { maxTools: 128, maxInputs: 2048 } }),
    {
      name: 'fake',
      register: (registrar) => registrar.contribute({ to: PROVIDERS, name: 'fake', create: () => provider }),
    },
  ],
});
await system.start();
const models = system.get(MODELS);
for (const name of ['whole', 'chunks']) {
  const source = { name, location: name };
  models.register({ source, manifest: await provider.inspect(source, { signal: new AbortController().signal }) });
}
const server = await createHttpServer({
  engine: system.get(ENGINE),
  models,
  sessions: system.get(SESSIONS),
  usage: system.get(USAGE),
  log,
  version: '0.0.0',
  ready: () => true,
  config: {
    host: '127.0.0.1',
    port: 0,
    bodyLimitBytes: 32 * 1024 ** 2,
    requestTimeoutMs: 30_000,
    heartbeatMs: 5_000,
    writeTimeoutMs: 60_000,
    maxConnections: 1024,
    allowUnauthenticated: false,
  },
});
await server.listen();
console.log(server.address.port);
