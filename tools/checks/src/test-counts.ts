import { glob, readFile } from 'node:fs/promises';
import path from 'node:path';

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** The fields that are read of vitest's JSON report. */
interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly { readonly status: string; readonly assertionResults: readonly unknown[] }[];
}

/** The reports that the test targets of all projects have written. */
export const testResultFiles = async (root: string): Promise<string[]> => {
  const files: string[] = [];
  for await (const file of glob('{packages,apps,tools}/*/test-results/report.json', { cwd: root }))
    files.push(path.join(root, file));
  return files;
};

/** Sums vitest's reports. A test file that could not be loaded counts as one failure. */
export const readTestCounts = async (files: readonly string[]): Promise<Counts> => {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  for (const file of files) {
    const report = JSON.parse(await readFile(file, 'utf8')) as Report;
    counts.passed += report.numPassedTests;
    counts.failed += report.numFailedTests;
    counts.failed += report.testResults.filter(
      ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
    ).length;
    counts.skipped += report.numPendingTests + report.numTodoTests;
  }
  return counts;
};
