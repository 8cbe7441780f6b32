import { GolekError } from '@golek/api';
import { Command } from 'commander';
import { interruptible } from './action.ts';
import { ADDRESS_FLAGS, settingsOf, withConfiguration } from './common-options.ts';
import { runCheck, type Check, type CheckResult, type CheckStatus } from './doctor/check.ts';
import { bindingChecks, modelCheck } from './doctor/engine-checks.ts';
import { MACHINE_CHECKS } from './doctor/machine-checks.ts';
import { onnxCheck } from './doctor/onnx-check.ts';
import { dataFolderCheck, pluginsCheck, portCheck } from './doctor/place-checks.ts';
import { collectorCheck } from './doctor/collector-check.ts';
import { upstreamsCheck } from './doctor/upstreams-check.ts';
import { styled } from './style.ts';
import { writeOut } from './write-out.ts';

const EXAMPLES = `
Examples:
  $ golek doctor
  $ golek doctor --json | jq '.checks[] | select(.status != "ok")'

Exit code 1 when a check failed; warnings are no failure.`;

/** `golek doctor`. */
export const doctorCommand = (): Command =>
  withConfiguration(
    new Command('doctor').option('--json', 'print JSON').addHelpText('after', EXAMPLES),
    ADDRESS_FLAGS,
  ).action(interruptible(doctor));

const doctor = async (command: Command, signal: AbortSignal): Promise<number> => {
  const { json = false } = command.opts<{ json?: boolean }>();
  const results: CheckResult[] = [];
  for (const check of await checksFor(command)) {
    if (!json && process.stderr.isTTY) process.stderr.write(`checking ${check.name} …`);
    const result = await runCheck(check, signal);
    if (!json && process.stderr.isTTY) process.stderr.write('\r\u001b[K');
    results.push(result);
    if (!json) await writeOut(line(result));
  }
  const failed = results.filter(({ status }) => status === 'fail').length;
  if (json) await writeOut(`${JSON.stringify({ ok: failed === 0, checks: results }, undefined, 2)}\n`);
  return failed === 0 ? 0 : 1;
};

/** A configuration that cannot be read is a finding; what needs none is checked all the same. */
const checksFor = async (command: Command): Promise<readonly Check[]> => {
  const settings = await settingsOf(command).catch((thrown: unknown) => GolekError.from(thrown));
  const configuration: Check = {
    name: 'configuration',
    run: async () => {
      if (settings instanceof GolekError) throw settings;
      return { status: 'ok', detail: settings.file ?? 'defaults, environment and flags; no file' };
    },
  };
  if (settings instanceof GolekError) return [...MACHINE_CHECKS, configuration, ...bindingChecks(), onnxCheck];
  const places = [
    dataFolderCheck(settings.data),
    portCheck(settings),
    pluginsCheck(settings),
    ...collectorCheck(settings),
    ...upstreamsCheck(settings),
  ];
  return [...MACHINE_CHECKS, configuration, ...places, ...bindingChecks(settings), onnxCheck, modelCheck(settings)];
};

const STYLES = { ok: 'green', warn: 'yellow', fail: 'red' } as const satisfies Record<CheckStatus, string>;

const line = ({ name, status, detail, remedy }: CheckResult): string => {
  const head = `${styled(process.stdout, STYLES[status], status.padEnd(4))}  ${name.padEnd(13)}  ${detail}\n`;
  return remedy === undefined ? head : `${head}${' '.repeat(21)}${styled(process.stdout, 'bold', remedy)}\n`;
};
