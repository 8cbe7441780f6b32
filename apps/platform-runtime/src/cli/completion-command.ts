import { Argument, Command } from 'commander';
import { resolveConfiguration } from '@golek/system';
import { PLATFORM_SECTIONS } from '../config/platform-config.ts';
import { acting } from './action.ts';
import { bashCompletion } from './completion/bash-completion.ts';
import { completionNodes } from './completion/completion-tree.ts';
import { fishCompletion } from './completion/fish-completion.ts';
import { zshCompletion } from './completion/zsh-completion.ts';
import { writeOut } from './write-out.ts';

const SCRIPTS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion };
type Shell = keyof typeof SCRIPTS;

const EXAMPLES = `
Examples:
  $ eval "$(golek completion bash)"       # for this shell; add the line to ~/.bashrc
  $ eval "$(golek completion zsh)"        # after compinit; add the line to ~/.zshrc
  $ golek completion fish > ~/.config/fish/completions/golek.fish`;

/** Every setting, by name. */
const settingNames = (): readonly string[] =>
  resolveConfiguration({ sections: PLATFORM_SECTIONS, environment: {} }).keys.map(({ key }) => key);

/** `golek completion`. The script knows every command and option of `program`, and every setting; model names are asked for when they are needed. */
export const completionCommand = (program: () => Promise<Command>): Command =>
  new Command('completion')
    .addArgument(new Argument('<shell>', 'which shell').choices(Object.keys(SCRIPTS)))
    .addHelpText('after', EXAMPLES)
    .action(
      acting(async (command) => {
        const shell = command.args[0] as Shell;
        await writeOut(SCRIPTS[shell](completionNodes(await program()), settingNames()));
        return 0;
      }),
    );
