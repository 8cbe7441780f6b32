import { SILENT_LOG } from '@golek/api';
import { CONFIGURATION_MANAGER, EXTENSIONS, resolveConfiguration, TRACING } from '@golek/system';
import { describe, expect, test } from 'vitest';
import { PLATFORM_SECTIONS } from '../config/platform-config.ts';
import { createPlatform } from '../platform.ts';
import { HTTP_SERVER, httpModule } from './http-module.ts';

const TOKEN = 'a-token-of-an-administrator-0123456789';

const platform = async (environment: Readonly<Record<string, string>> = {}) => {
  const configuration = resolveConfiguration({
    sections: PLATFORM_SECTIONS,
    environment: { GOLEK_HTTP_PORT: '0', GOLEK_MODELS_BUNDLED: 'false', ...environment },
  });
  const { system } = createPlatform({
    configuration,
    log: SILENT_LOG,
    models: [],
    isolation: 'in-process',
    server: httpModule,
  });
  await system.start();
  const { port } = system.get(HTTP_SERVER).address;
  const get = (headers: Record<string, string> = {}) => fetch(`http://127.0.0.1:${port}/metrics`, { headers });
  return { system, get };
};

const exporter = { name: 'kept', exportSpans: () => undefined };

describe('GET /metrics', () => {
  test('is for everybody, unless told otherwise', async () => {
    const { system, get } = await platform();
    await using _ = system;
    const response = await get();
    expect(response.status).toBe(200);
    expect(await response.text()).toContain('golek_build_info{');
  });

  test('is for administrators when told so', async () => {
    const { system, get } = await platform({ GOLEK_TELEMETRY_METRICS_ACCESS: 'admin', GOLEK_HTTP_ADMIN_TOKEN: TOKEN });
    await using _ = system;
    expect((await get()).status).toBe(401);
    expect((await get({ authorization: `Bearer ${TOKEN}` })).status).toBe(200);
  });

  test('is not there when it is off', async () => {
    const { system, get } = await platform({ GOLEK_TELEMETRY_METRICS_ACCESS: 'off' });
    await using _ = system;
    expect((await get()).status).toBe(404);
  });
});

test('sampling changes while the server works; nothing is recorded before an exporter is there', async () => {
  const { system } = await platform({ GOLEK_TELEMETRY_TRACES_SAMPLE_RATIO: '1' });
  await using _ = system;
  const tracing = system.get(TRACING);
  const begin = () => tracing.begin(undefined, () => ({ name: 'root' }));
  expect(begin().span).toBeUndefined();
  await system.get(EXTENSIONS).change({ exporters: { remove: [], add: [exporter] } });
  expect(begin().span).toBeDefined();
  expect(begin().trace.content).toBeUndefined();

  const { signal } = new AbortController();
  const manager = system.get(CONFIGURATION_MANAGER);
  await manager.set('telemetry.traces.content', 100, { signal });
  expect(begin().trace.content).toBe(100);
  await manager.set('telemetry.traces.sampleRatio', 0, { signal });
  expect(begin().span).toBeUndefined();
  await expect(manager.set('telemetry.traces.sampleRatio', 2, { signal })).rejects.toMatchObject({
    code: 'config_invalid',
  });
});
