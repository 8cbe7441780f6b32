import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { peerBuildPlan, withTileBarrier } from './peer-build.ts';
import { ArgumentError } from './serving/serving-options.ts';

const has = (program: string): boolean => spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined;

const run = ([program = '', ...args]: readonly string[]): void => {
  const { status, error } = spawnSync(program, args, { stdio: 'inherit' });
  if (status !== 0) throw new Error(`${program} failed: ${error?.message ?? `exit code ${String(status)}`}`);
};

/** `npm run bench -- build-peer [--out DIR] [--dry-run]`: the fair peer for `serving`. */
export const buildPeerCommand = (args: readonly string[]): Promise<void> => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      out: { type: 'string', default: path.join(tmpdir(), 'golek-bench-peer') },
      'dry-run': { type: 'boolean', default: false },
    },
  });
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new ArgumentError(
      `build-peer knows the flags of Linux on x64 only, this is ${process.platform} ${process.arch}`,
    );
  const missing = ['git', 'cmake', 'c++'].filter((program) => !has(program));
  if (missing.length > 0) throw new ArgumentError(`build-peer needs ${missing.join(', ')}`);
  const flags = new Set(/^flags\s*: (.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.split(' '));
  const out = path.resolve(values.out);
  const plan = peerBuildPlan(out, flags, { ninja: has('ninja'), jobs: availableParallelism() });
  console.log(`llama-server for a CPU of kind '${plan.variant}', as the prebuilt binary has it here`);
  for (const command of [plan.clone, plan.configure, plan.make]) console.log(command.join(' '));
  if (values['dry-run']) return Promise.resolve();
  mkdirSync(out, { recursive: true });
  if (!existsSync(plan.source)) run(plan.clone);
  if (plan.hasTiles) writeFileSync(plan.tileSource, withTileBarrier(readFileSync(plan.tileSource, 'utf8')));
  run(plan.configure);
  run(plan.make);
  console.log(`npm run bench -- serving --llama-server ${plan.program}`);
  return Promise.resolve();
};
