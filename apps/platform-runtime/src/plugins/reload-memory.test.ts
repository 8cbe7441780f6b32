import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

interface Report {
  readonly grownMb: number;
  readonly replacements: number;
  readonly running: string;
}

const FIXTURE = path.join(import.meta.dirname, 'reload-memory.fixture.ts');

const measure = async (...args: string[]): Promise<Report> => {
  const flags = ['--conditions=@golek/source', '--expose-gc', '--no-warnings'];
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, FIXTURE, ...args]);
  return JSON.parse(stdout) as Report;
};

test('500 reloads of a plugin that keeps 400 kB leave no old version in memory', { timeout: 120_000 }, async () => {
  const { grownMb, replacements, running } = await measure();
  expect([replacements, running]).toEqual([549, '1.0.549']);
  // All 500 kept would be 200 MB; what the runtime itself collects stays far below one in fifty.
  expect(grownMb).toBeLessThan(4);
});

test(
  "the measurement sees what is kept: with Node's own import every version stays",
  { timeout: 120_000 },
  async () => {
    const { grownMb } = await measure('naive');
    expect(grownMb).toBeGreaterThan(100);
  },
);
