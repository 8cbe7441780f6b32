import path from 'node:path';
import { parseArgs } from 'node:util';
import { createPlugin } from './create-plugin.ts';
import { isTemplate, TEMPLATES } from './templates.ts';
import { GOLEK_VERSION } from './versions.ts';

/** Where the command writes, and what npm says of itself. */
export interface CliSurroundings {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
}

const USAGE_ERROR = 2;

const HELP = `Usage: npm create golek-plugin <folder> [-- options]

Writes a working, tested plugin for Golek into a new folder.

  --template <name>  what it starts as; default transform
${Object.entries(TEMPLATES)
  .map(([name, about]) => `                       ${name.padEnd(14)} ${about}`)
  .join('\n')}
  --name <name>      name of plugin and package; default the folder's name
  --version          version of this command
  --help             this text
`;

const OPTIONS = {
  template: { type: 'string', default: 'transform' },
  name: { type: 'string' },
  version: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** Runs the command; gives its exit code: 0, 1 for what could not be done, 2 for wrong use. */
export const runCli = async (args: readonly string[], { stdout, stderr }: CliSurroundings): Promise<number> => {
  const fail = (message: string, code: number): number => {
    stderr.write(`create-golek-plugin: ${message}\n`);
    return code;
  };
  let parsed;
  try {
    parsed = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch (thrown) {
    return fail(`${(thrown as Error).message}\nTry --help.`, USAGE_ERROR);
  }
  const { values, positionals } = parsed;
  if (values.help) return (stdout.write(HELP), 0);
  if (values.version) return (stdout.write(`${GOLEK_VERSION}\n`), 0);
  const [folder, extra] = positionals;
  if (folder === undefined) return fail('say which folder: npm create golek-plugin my-plugin', USAGE_ERROR);
  if (extra !== undefined) return fail(`one folder at a time: '${extra}' is too much`, USAGE_ERROR);
  const { template, name } = values;
  if (!isTemplate(template)) {
    return fail(`no template '${template}'; there are: ${Object.keys(TEMPLATES).join(', ')}`, USAGE_ERROR);
  }
  try {
    const created = await createPlugin({ folder, template, ...(name !== undefined && { name }) });
    const where = path.relative('.', created.folder) || '.';
    stdout.write(`Plugin '${created.name}' is in ${where}:\n${created.files.map((file) => `  ${file}\n`).join('')}
Next:
  cd ${where}
  npm install
  npm test
  npm run build
`);
    return 0;
  } catch (thrown) {
    return fail((thrown as Error).message, 1);
  }
};
