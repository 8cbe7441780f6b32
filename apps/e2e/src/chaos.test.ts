import path from 'node:path';
import { runChaos } from '@golek/chaos';
import { expect, it } from 'vitest';

// The same in full, 50 changes of each kind and 20 kills under 32 streams: npm run chaos.
it(
  'no stream fails or differs while plugins, configuration, routes and engines change',
  { timeout: 180_000 },
  async () => {
    const report = await runChaos({
      bin: path.resolve(import.meta.dirname, '../../platform-runtime/bin/golek.js'),
      streams: 12,
      plugins: 5,
      configurations: 4,
      routes: 4,
      kills: 3,
    });
    expect(report.wrong).toEqual([]);
    expect(report.done).toEqual({ plugins: 5, configurations: 4, routes: 4, kills: 3 });
    expect(report.completed).toBeGreaterThan(0);
  },
);
