/**
 * The test command: every check of the repository, in turn, whatever failed before. Its last line is
 * `N passed, N failed`, with `, N skipped` when something was skipped; a check such as lint counts as one.
 */
import { spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { ROOT } from './repository.ts';
import { readTestCounts, testResultFiles, type Counts } from './test-counts.ts';

interface Step {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
}

const CHECKS: readonly Step[] = [
  { name: 'build', command: ['tsc', '-b'] },
  { name: 'format', command: ['prettier', '--check', '--log-level', 'warn', '.'] },
  { name: 'lint and boundaries', command: ['nx', 'run-many', '-t', 'lint', '--outputStyle=static'] },
  { name: 'types of sources and tests', command: ['nx', 'run-many', '-t', 'typecheck', '--outputStyle=static'] },
  { name: 'unused code and dependencies', command: ['knip'] },
  { name: 'project references in step with manifests', command: ['nx', 'sync:check'] },
];

const TESTS: Step = {
  name: 'unit, integration and end-to-end tests',
  command: ['nx', 'run-many', '-t', 'test', '--outputStyle=static'],
};

const run = async ({ name, command: [program, ...args] }: Step): Promise<boolean> => {
  const started = performance.now();
  console.log(`\n== ${name}: ${program} ${args.join(' ')}`);
  const child = spawn(path.join(ROOT, 'node_modules/.bin', program), args, {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      ...process.env,
      PATH: `${path.join(ROOT, 'node_modules/.bin')}${path.delimiter}${process.env['PATH'] ?? ''}`,
      NX_TUI: 'false',
    },
  });
  const stop = (signal: NodeJS.Signals): void => void child.kill(signal);
  process.once('SIGINT', stop).once('SIGTERM', stop);
  const ok = await new Promise<boolean>((resolve) => {
    child.once('error', (error) => {
      console.error(error.message);
      resolve(false);
    });
    child.once('exit', (code) => resolve(code === 0));
  });
  process.off('SIGINT', stop).off('SIGTERM', stop);
  console.log(`== ${name}: ${ok ? 'ok' : 'FAILED'} in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  return ok;
};

const total: Counts = { passed: 0, failed: 0, skipped: 0 };
const failures: string[] = [];

for (const step of CHECKS) {
  if (await run(step)) total.passed += 1;
  else {
    total.failed += 1;
    failures.push(step.name);
  }
}

await Promise.all((await testResultFiles(ROOT)).map((file) => rm(file)));
const testsOk = await run(TESTS);
const tests = await readTestCounts(await testResultFiles(ROOT));
total.passed += tests.passed;
total.skipped += tests.skipped;
// A run that failed without a failed test (a crash, a file that cannot be loaded) is a failure all the same.
total.failed += testsOk ? tests.failed : Math.max(1, tests.failed);
if (!testsOk) failures.push(TESTS.name);
if (tests.passed === 0) {
  total.failed += 1;
  failures.push('no test was executed');
}

if (failures.length > 0) console.log(`\nfailed: ${failures.join('; ')}`);
console.log(`\n${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}`);
process.exitCode = total.failed > 0 ? 1 : 0;
