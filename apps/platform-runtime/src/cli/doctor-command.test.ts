import { createServer, type AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import type { CheckResult } from './doctor/check.ts';
import { golek } from './spawn-cli.fixture.ts';

const names = [
  'node',
  'memory',
  'cores',
  'configuration',
  'data folder',
  'port',
  'plugins',
  'llama.cpp',
  'gpu',
  'ONNX Runtime',
  'model',
];

test('checks what Golek needs, and says what is wrong with exit code 1', { timeout: 90_000 }, async () => {
  const good = await golek(['doctor', '--json']);
  const report = JSON.parse(good.out) as { ok: boolean; checks: CheckResult[] };
  expect(report.checks.map(({ name }) => name)).toEqual(names);
  expect(report.checks.filter(({ status }) => status === 'fail')).toEqual([]);
  expect(report.checks.at(-1)?.detail).toMatch(/^golek-tiny loaded and answered \d+ tokens/);
  expect(good.code).toBe(0);

  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address() as AddressInfo;
  const bad = await golek(['doctor', '--port', String(port), '--models.bundled', 'false']);
  taken.close();
  expect(bad.code).toBe(1);
  expect(bad.out).toMatch(/^fail +port +cannot listen on .*EADDRINUSE\n +Stop the program/m);
  expect(bad.out).toMatch(/^fail +model +there is no model$/m);
});

test('a collector that is not there is a warning that names its address', async () => {
  const closed = createServer();
  await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
  const { port } = closed.address() as AddressInfo;
  await new Promise((resolve) => closed.close(resolve));
  const endpoint = `http://127.0.0.1:${port}`;
  const { code, out } = await golek(['doctor', '--telemetry.otlp.endpoint', endpoint]);
  expect(code).toBe(0);
  expect(out).toMatch(new RegExp(`^warn +collector +nothing answers at ${endpoint}: ECONNREFUSED$`, 'm'));
});

test('a configuration that cannot be read is a finding, and the machine is checked all the same', async () => {
  const { code, out } = await golek(['doctor'], '', { GOLEK_HTTP_PORT: 'x' });
  expect(code).toBe(1);
  expect(out).toMatch(/^ok +node/m);
  expect(out).toMatch(/^fail +configuration +GOLEK_HTTP_PORT: 'http\.port' must be an integer/m);
});
