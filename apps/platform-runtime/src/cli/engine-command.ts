import { availableParallelism } from 'node:os';
import { Command } from 'commander';
import { golekTiny } from '@golek/model-tiny';
import { activateEngine, buildLlama, buildNativeThreads, nativeThreadsFile } from '@golek/provider-gguf';
import { enginesFolder } from '../engines/chosen-engine.ts';
import { interruptible } from './action.ts';
import { settingsOf, withConfiguration } from './common-options.ts';
import { buildProgress } from './build-progress.ts';
import { engineInfo, engineInfoText } from './engine-info.ts';
import { UsageError } from './exit-code.ts';
import { writeOut } from './write-out.ts';

type Run = (command: Command, signal: AbortSignal) => Promise<number>;

/** `golek engine`. */
export const engineCommand = (): Command =>
  new Command('engine')
    .addCommand(
      withConfiguration(
        new Command('info')
          .description('show which build of llama.cpp runs models here, on what, and with how many threads')
          .option('--json', 'print JSON'),
      ).action(interruptible(info)),
    )
    .addCommand(buildCommand())
    .addCommand(
      withConfiguration(
        new Command('use')
          .description(
            "choose the build that runs models from the next start on: a name from `golek engine info`, or 'prebuilt'",
          )
          .argument('<build>', 'name of a build'),
      ).action(interruptible(use)),
    )
    .addHelpText(
      'after',
      `
Examples:
  $ golek engine info
  $ golek engine build             # the addon for lasting threads: seconds
  $ golek engine build --full      # llama.cpp itself: many minutes
  $ golek engine use prebuilt      # as installed`,
    );

const buildCommand = (): Command =>
  withConfiguration(
    new Command('build')
      .description('build native code for this machine, from sources that are installed already, and use it')
      .option('--full', 'build llama.cpp and its addon too, which takes many minutes')
      .option('--native', 'a full build for this processor alone')
      .option(
        '--source <folder>',
        "a full build from changed sources: llama.cpp's, or a folder with 'addon' and 'llama.cpp'",
      )
      .option('--jobs <number>', 'compilers at once in a full build (default: processors less one)')
      .option('--no-activate', 'build only; choose it later with: golek engine use'),
  )
    .addHelpText(
      'after',
      `
Needs a C++ compiler, and git; for a full build also cmake and ninja or make. Nothing is downloaded. On Debian:
  apt-get install g++ git cmake ninja-build

Without --full it builds the addon that keeps the threads of a model alive between tokens (Linux), which helps from two threads on. The installed build of
llama.cpp has variants for all processors and is fast as it is: measure (golek bench) before you keep one of your own.`,
    )
    .action(interruptible(build));

const info: Run = async (command, signal) => {
  const facts = await engineInfo(await settingsOf(command), signal);
  const isJson = command.opts<{ json?: boolean }>().json ?? false;
  await writeOut(isJson ? `${JSON.stringify(facts, undefined, 2)}\n` : engineInfoText(facts));
  return facts.problem === undefined ? 0 : 1;
};

interface BuildFlags {
  readonly full?: boolean;
  readonly native?: boolean;
  readonly source?: string;
  readonly jobs?: string;
  readonly activate: boolean;
}

const build: Run = async (command, signal) => {
  const { full = false, native = false, source, jobs, activate } = command.opts<BuildFlags>();
  const { data } = await settingsOf(command);
  await data.ensure('engines');
  const folder = enginesFolder(data.root);
  if (!full && !native && source === undefined) {
    if (jobs !== undefined) throw new UsageError('--jobs goes with --full');
    if (!activate)
      throw new UsageError('--no-activate goes with --full: the addon for threads is used as soon as it is there');
    const file = nativeThreadsFile(folder);
    await buildNativeThreads({ file, signal });
    await writeOut(`built ${file}; it is used from the next start on\n`);
    return 0;
  }
  const count = jobs === undefined ? Math.max(1, availableParallelism() - 1) : Number(jobs);
  if (!Number.isInteger(count) || count < 1)
    throw new UsageError(`--jobs takes a number of at least 1, got '${jobs ?? ''}'`);
  using progress = buildProgress(process.stderr);
  const { name, binary } = await buildLlama({
    folder,
    model: golekTiny.path,
    native,
    jobs: count,
    signal,
    onProgress: (line) => progress.show(line),
    ...(source !== undefined && { source }),
  });
  if (activate) await activateEngine(folder, name);
  progress.end();
  await writeOut(
    `built ${binary}${activate ? '; it is used from the next start on' : `; use it with: golek engine use ${name}`}\n`,
  );
  return 0;
};

const use: Run = async (command) => {
  const [name = ''] = command.args;
  const { data } = await settingsOf(command);
  await data.ensure('engines');
  await activateEngine(enginesFolder(data.root), name === 'prebuilt' ? undefined : name);
  await writeOut(`${name} is used from the next start on\n`);
  return 0;
};
