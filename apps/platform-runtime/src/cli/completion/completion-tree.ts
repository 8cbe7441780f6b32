import type { Command, Option } from 'commander';

/** What may follow an option: nothing, a file, a model name or file, or something that nobody can guess. */
export type ValueKind = 'none' | 'file' | 'model' | 'any';

export interface CompletionOption {
  /** `--port` and, where there is one, `-p`. */
  readonly flags: readonly string[];
  readonly description: string;
  readonly value: ValueKind;
}

/** A command as a shell sees it. */
export interface CompletionNode {
  /** Words after `golek`, joined by spaces; empty for the program itself. */
  readonly path: string;
  readonly commands: readonly { readonly name: string; readonly description: string }[];
  readonly options: readonly CompletionOption[];
  /** What the first argument is. */
  readonly argument: 'none' | 'model' | 'setting' | 'choices';
  readonly choices: readonly string[];
}

/** Arguments by their names in the usage line. */
const ARGUMENTS: ReadonlyMap<string, CompletionNode['argument']> = new Map([
  ['words', 'model'],
  ['model', 'model'],
  ['name', 'model'],
  ['key', 'setting'],
]);

const valueKind = ({ flags, required, optional }: Option): ValueKind => {
  if (!required && !optional) return 'none';
  if (/<.*name.*file.*>/.test(flags) && flags.includes('--model')) return 'model';
  return /<.*(file|folder).*>/.test(flags) ? 'file' : 'any';
};

/** Every visible command and option of the program, outermost first. */
export const completionNodes = (command: Command, path: readonly string[] = []): readonly CompletionNode[] => {
  const help = command.createHelp();
  const commands = help.visibleCommands(command);
  const [argument] = command.registeredArguments;
  const choices = argument?.argChoices ?? [];
  const node: CompletionNode = {
    path: path.join(' '),
    commands: commands.map((child) => ({ name: child.name(), description: child.description() })),
    options: help.visibleOptions(command).map((option) => ({
      flags: [option.long, option.short].filter((flag) => flag !== undefined),
      description: option.description,
      value: valueKind(option),
    })),
    argument: choices.length > 0 ? 'choices' : (ARGUMENTS.get(argument?.name() ?? '') ?? 'none'),
    choices,
  };
  const below = commands.filter((child) => child.name() !== 'help');
  return [node, ...below.flatMap((child) => completionNodes(child, [...path, child.name()]))];
};

/** Flags of the options with the given kinds of values. */
export const flagsWith = (node: CompletionNode, ...kinds: readonly ValueKind[]): readonly string[] =>
  node.options.filter(({ value }) => kinds.includes(value)).flatMap(({ flags }) => flags);

/** `case` branches that follow the words of a command line from command to command, for shells with `case … esac`. */
export const pathBranches = (nodes: readonly CompletionNode[]): string =>
  nodes
    .filter(({ path }) => path !== '')
    .map(({ path }) => {
      const words = path.split(' ');
      return `      '${words.slice(0, -1).join(' ')} ${words.at(-1) ?? ''}') at='${path}' ;;`;
    })
    .join('\n');
