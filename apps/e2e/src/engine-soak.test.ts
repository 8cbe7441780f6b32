import path from 'node:path';
import { runEngineSoak } from '@golek/chaos';
import { expect, it } from 'vitest';

// The same in full, 2,000 clients that leave, 50 kills and 1,000 loads: npm run chaos -- engine.
it(
  'an engine survives clients that leave, kills and unloading, with the same answers',
  { timeout: 240_000 },
  async () => {
    const report = await runEngineSoak({
      bin: path.resolve(import.meta.dirname, '../../platform-runtime/bin/golek.js'),
      aborts: 160,
      kills: 3,
      cycles: 8,
      requestsPerCycle: 10,
    });
    expect(report.wrong).toEqual([]);
    expect(report.completed).toBeGreaterThan(80);
    expect(report.ended).toBeGreaterThanOrEqual(160);
  },
);
