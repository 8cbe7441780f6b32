import { ENGINE, MODELS, runUntilSignal } from '@golek/system';
import { Command } from 'commander';
import { composeServer } from '../compose-server.ts';
import { grpcConfig } from '../config/grpc-config.ts';
import { GRPC_SERVER } from '../modules/grpc-module.ts';
import { HTTP_SERVER } from '../modules/http-module.ts';
import { CATALOGUE } from '../modules/models-module.ts';
import { acting } from './action.ts';
import { ADDRESS_FLAGS, settingsOf, withConfiguration, type MappedFlag } from './common-options.ts';
import { readModelFlag } from './model-flag.ts';
import { serveBanner } from './serve-banner.ts';
import { UsageError } from './exit-code.ts';

const graceSeconds = (text: string): number => {
  const seconds = Number(text);
  if (text.trim() === '' || !Number.isFinite(seconds))
    throw new UsageError(`--grace takes a number of seconds, got '${text}'`);
  return Math.round(seconds * 1000);
};

const FLAGS: readonly MappedFlag[] = [
  ...ADDRESS_FLAGS,
  {
    flags: '-m, --model <[name=]file>',
    key: 'models.list',
    description: 'serve this model file; repeatable; in place of models.list',
    read: readModelFlag,
    repeatable: true,
  },
  {
    flags: '--models <folder>',
    key: 'models.folders',
    description: 'look for model files here too; repeatable',
    repeatable: true,
  },
  {
    flags: '--default-model <name>',
    key: 'models.default',
    description: 'model for examples and commands that name none',
  },
  {
    flags: '--in-process',
    key: 'gguf.isolation',
    description: 'run models in the server process instead of child processes',
    constant: 'in-process',
  },
  { flags: '--threads <number>', key: 'gguf.threads', description: 'threads of a model (default: cores less one)' },
  { flags: '--context <tokens>', key: 'gguf.contextSize', description: 'tokens that prompt and answer may hold' },
  {
    flags: '--parallel <number>',
    key: 'gguf.parallel',
    description: 'requests that a model answers at once',
  },
  {
    flags: '--grace <seconds>',
    key: 'lifecycle.graceMs',
    description: 'time for open requests after SIGTERM (default: 30)',
    read: graceSeconds,
  },
  {
    flags: '--allow-unauthenticated',
    key: 'http.allowUnauthenticated',
    description: 'answer requests without credentials also beyond loopback; administering needs http.adminToken',
    constant: true,
  },
  { flags: '--log-level <level>', key: 'log.level', description: 'trace, debug, info, warn, error, fatal or silent' },
  { flags: '--log-format <format>', key: 'log.format', description: 'json, pretty or auto' },
];

const EXAMPLES = `
Examples:
  $ golek serve                                     # the bundled models on http://127.0.0.1:11500
  $ golek serve --model ./llama.gguf --port 9000    # a model file, named 'llama'
  $ golek serve -m chat=./a.gguf -m embed=./b.gguf  # two models with names
  $ GOLEK_HTTP_PORT=0 golek serve --config prod.yaml

SIGTERM or Ctrl-C lets open requests end within the grace time; a second one ends at once.`;

/** `golek serve`. */
export const serveCommand = (): Command =>
  withConfiguration(new Command('serve').addHelpText('after', EXAMPLES), FLAGS).action(acting(serve));

const serve = async (command: Command): Promise<number> => {
  const settings = await settingsOf(command);
  const { system, drain, log, known } = await composeServer(settings);
  return runUntilSignal(system, {
    log,
    onRunning: () => {
      const { failed } = system.get(CATALOGUE);
      const { address, guarded } = system.get(HTTP_SERVER);
      const errors = new Map(failed.map(({ model, error }) => [model.source.name, error]));
      const models = system
        .get(MODELS)
        .list()
        .map(({ manifest }) => manifest);
      const grpc =
        settings.configuration.get(grpcConfig).port === undefined
          ? undefined
          : `${address.host}:${system.get(GRPC_SERVER).port}`;
      process.stdout.write(
        serveBanner({ url: address.url, grpc, models, default: known.default, guarded, failed: errors }),
      );
    },
    onDrain: async () => {
      log.info({ inFlight: system.get(ENGINE).inFlight }, 'waiting for open requests');
      if (!(await drain())) log.warn({}, 'requests were cut off at the end of the grace time');
    },
  });
};
