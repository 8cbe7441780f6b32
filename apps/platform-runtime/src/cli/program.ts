import { Command } from 'commander';
import { VERSION } from '../version.ts';

const EXAMPLES = `
Examples:
  $ golek serve                        # an OpenAI-compatible server with the bundled models
  $ golek run 'Tell a story.'          # one answer
  $ golek chat                         # a conversation
  $ golek doctor                       # what works on this machine

Exit codes: 0 done, 1 failed, 2 wrong command line or configuration, 130 and 143 ended by a signal.`;

interface CommandEntry {
  readonly name: string;
  readonly description: string;
  readonly load: () => Promise<Command>;
}

/** Each command is loaded when it is named: the help, the version and a mistake need neither an engine nor a server. */
const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'serve',
    description: 'serve models over HTTP: the OpenAI API',
    load: async () => (await import('./serve-command.ts')).serveCommand(),
  },
  {
    name: 'run',
    description: 'answer one prompt, in this process, without a server',
    load: async () => (await import('./run-command.ts')).runCommand(),
  },
  {
    name: 'chat',
    description: 'talk with a model',
    load: async () => (await import('./chat-command.ts')).chatCommand(),
  },
  {
    name: 'embed',
    description: 'turn texts into vectors',
    load: async () => (await import('./embed-command.ts')).embedCommand(),
  },
  {
    name: 'rerank',
    description: 'order documents by their relevance to a query',
    load: async () => (await import('./rerank-command.ts')).rerankCommand(),
  },
  {
    name: 'classify',
    description: 'label texts, pieces of texts, pictures or recordings',
    load: async () => (await import('./classify-command.ts')).classifyCommand(),
  },
  {
    name: 'infer',
    description: 'run a model on named tensors',
    load: async () => (await import('./infer-command.ts')).inferCommand(),
  },
  {
    name: 'mcp',
    description: 'offer models as tools to an MCP client, over standard input and output',
    load: async () => (await import('./mcp-command.ts')).mcpCommand(),
  },
  {
    name: 'models',
    description: 'show the models that golek knows',
    load: async () => (await import('./models-command.ts')).modelsCommand(),
  },
  {
    name: 'engine',
    description: 'show and build what runs models: llama.cpp',
    load: async () => (await import('./engine-command.ts')).engineCommand(),
  },
  {
    name: 'routes',
    description: 'show and change the routes of the running server',
    load: async () => (await import('./routes-command.ts')).routesCommand(),
  },
  {
    name: 'targets',
    description: 'show how the models of the running server do, and close their breakers',
    load: async () => (await import('./targets-command.ts')).targetsCommand(),
  },
  {
    name: 'config',
    description: 'show, explain, check and change settings',
    load: async () => (await import('./config-command.ts')).configCommand(),
  },
  {
    name: 'plugins',
    description: 'show and switch the plugins of the running server',
    load: async () => (await import('./plugins-command.ts')).pluginsCommand(),
  },
  {
    name: 'doctor',
    description: 'check what works on this machine',
    load: async () => (await import('./doctor-command.ts')).doctorCommand(),
  },
  {
    name: 'bench',
    description: 'measure how fast a model is, here or on a running server',
    load: async () => (await import('./bench-command.ts')).benchCommand(),
  },
  {
    name: 'events',
    description: 'follow what happens to a running server',
    load: async () => (await import('./events-command.ts')).eventsCommand(),
  },
  {
    name: 'completion',
    description: 'print a completion script for a shell',
    load: async () => (await import('./completion-command.ts')).completionCommand(() => golekProgram(() => true)),
  },
];

/** The command line `golek`, with the commands of the given names in full and the others by name only. */
export const golekProgram = async (wanted: (name: string) => boolean): Promise<Command> => {
  const program = new Command('golek')
    .description('Run language models: as a server, from the command line, or in your own program.')
    .version(VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help on a command')
    .option('--debug', 'print the stack of an error')
    .showHelpAfterError('(golek --help shows what there is)')
    .addHelpText('after', EXAMPLES);
  for (const { name, description, load } of COMMANDS) {
    const command = wanted(name) ? await load() : new Command(name);
    program.addCommand(command.description(description));
  }
  return program;
};
