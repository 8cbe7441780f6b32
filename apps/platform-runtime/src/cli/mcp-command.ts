import { createLogger, ENGINE, EVENTS, logConfig, MODELS, SESSIONS, USAGE } from '@golek/system';
import { Command } from 'commander';
import { httpConfig } from '../config/http-config.ts';
import { modelsConfig } from '../config/models-config.ts';
import { preferredModel } from '../mcp/default-model.ts';
import { golekMcpServer } from '../mcp/golek-mcp-server.ts';
import { McpHost } from '../mcp/mcp-host.ts';
import { serveStandardIo } from '../mcp/serve-standard-io.ts';
import { lifeSettings } from '../models/life-settings.ts';
import { listStartModels } from '../models/list-models.ts';
import { createPlatform } from '../platform.ts';
import { VERSION } from '../version.ts';
import { interruptible } from './action.ts';
import { settingsOf, withConfiguration, type MappedFlag } from './common-options.ts';
import { readModelFlag } from './model-flag.ts';

const FLAGS: readonly MappedFlag[] = [
  {
    flags: '-m, --model <[name=]file>',
    key: 'models.list',
    description: 'offer this model file; repeatable; in place of models.list',
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
    description: 'model for calls that name none',
  },
];

const EXAMPLES = `
Examples:
  $ golek mcp                                # for the settings of an MCP client: command 'golek', arguments ['mcp']
  $ golek mcp --model ./llama.gguf           # a model file, named 'llama'

Messages come on standard input and go to standard output, one a line; warnings go to standard error, and more with --log.level. The command ends
when standard input does.
Models run in this process, without a server. A running golek serve has the same at http://127.0.0.1:11500/mcp, for several clients at once.
Plugins are loaded by golek serve, not here.`;

/** Who starts it by hand sees nothing otherwise. */
const TERMINAL_HINT = 'golek mcp waits for the messages of an MCP client on standard input; Ctrl-C ends it\n';

/** `golek mcp`. */
export const mcpCommand = (): Command =>
  withConfiguration(new Command('mcp').addHelpText('after', EXAMPLES), FLAGS).action(interruptible(serveClient));

const serveClient = async (command: Command, signal: AbortSignal): Promise<number> => {
  const settings = await settingsOf(command);
  const { configuration, data } = settings;
  const known = await listStartModels(settings, signal);
  const { level, format } = configuration.get(logConfig);
  // Clients show standard error to their users: a line for each call would look like trouble. Who asks for one gets it.
  const log = createLogger({ level: configuration.explain('log.level').layer === 'default' ? 'warn' : level, format });
  for (const note of known.notes) log.warn({}, note);
  const { system } = createPlatform({
    configuration,
    log,
    models: known.models,
    discover: true,
    isolation: 'in-process',
    home: data.root,
  });
  await system.start({ signal });
  if (process.stdin.isTTY) process.stderr.write(TERMINAL_HINT);
  try {
    const host = new McpHost({
      engine: system.get(ENGINE),
      models: system.get(MODELS),
      sessions: system.get(SESSIONS),
      usage: system.get(USAGE),
      events: system.get(EVENTS),
      life: () => lifeSettings(configuration.get(modelsConfig)),
      health: [],
      state: () => 'running',
      version: VERSION,
      preferred: preferredModel(() => configuration.get(modelsConfig).default, known.default),
      log,
    });
    await serveStandardIo({
      connect: golekMcpServer(host),
      input: process.stdin,
      output: process.stdout,
      signal,
      maxMessageBytes: configuration.get(httpConfig).bodyLimitBytes,
      log,
    });
  } finally {
    await system.stop();
  }
  return 0;
};
