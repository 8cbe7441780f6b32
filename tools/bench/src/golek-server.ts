/**
 * Golek's HTTP server as `golek serve` composes it, with a fake provider in place of an engine: every module and phase, metrics on, the log on
 * standard error. Arguments: address of an OpenTelemetry collector and the part of the traces that is recorded; without them none is. Prints its port.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createPlatform, HTTP_SERVER, httpModule, PLATFORM_SECTIONS } from '@golek/platform-runtime';
import { fakeProvider } from '@golek/providers-spi/testing';
import { createLogger, MODELS, PROVIDERS, resolveConfiguration } from '@golek/system';
import { paced } from './paced-provider.ts';

const [collector, sampleRatio = '0.1'] = process.argv.slice(2);
const words = Array.from({ length: 20 }, (_, index) => `word${index} `);
// `whole` answers in one piece, as a remote provider does for a plain request; `chunks` in one for each word.
const provider = paced(fakeProvider({ models: { whole: { answer: [words.join('')] }, chunks: { answer: words } } }));
const configuration = resolveConfiguration({
  sections: PLATFORM_SECTIONS,
  environment: {
    GOLEK_HOME: mkdtempSync(path.join(tmpdir(), 'golek-bench-')),
    GOLEK_HTTP_PORT: '0',
    GOLEK_TELEMETRY_TRACES_SAMPLE_RATIO: sampleRatio,
    ...(collector !== undefined && { GOLEK_TELEMETRY_OTLP_ENDPOINT: collector }),
  },
});
const { system } = createPlatform({
  configuration,
  log: createLogger({ level: 'info', format: 'json' }),
  models: [],
  isolation: 'in-process',
  server: httpModule,
  modules: [
    {
      name: 'fake',
      register: (registrar) => registrar.contribute({ to: PROVIDERS, name: 'fake', create: () => provider }),
    },
  ],
});
await system.start();
for (const name of ['whole', 'chunks']) {
  const source = { name, location: name };
  const manifest = await provider.inspect(source, { signal: new AbortController().signal });
  system.get(MODELS).register({ source, manifest });
}
console.log(system.get(HTTP_SERVER).address.port);
