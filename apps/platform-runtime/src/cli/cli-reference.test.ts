import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { expect, test } from 'vitest';
import { golekProgram } from './program.ts';

const INTRODUCTION = `# Command line

The help texts below are made from the program by \`npm run docs --workspace @golek/platform-runtime\`; a test fails when they are out of date.

## Exit codes

| code | meaning |
|---|---|
| 0 | done. Also when the reader of a pipe has read enough (\`golek run … \\| head\`), and when \`golek serve\` stopped after a signal as it should |
| 1 | failed: a model that cannot be used, a failed check of \`golek doctor\`, a service that did not stop well |
| 2 | wrong command line or configuration |
| 130 | ended by SIGINT (Ctrl-C); for \`golek serve\`: by a second one |
| 143 | ended by SIGTERM; for \`golek serve\`: by a second one |

## Output

Answers and tables go to standard output, everything else to standard error: errors as one line with message, code and remedy, the log, and on a
terminal the progress of loading. \`--debug\` adds the stack to an error. Colours are used on a terminal only; \`NO_COLOR\` turns
them off, \`FORCE_COLOR\` on. \`--json\` gives machine-readable output where a command has it; \`golek run --json\` prints one object a line: the events of
the answer (\`start\`, \`text\`, \`reasoning\`, \`finish\`, \`usage\`), then \`{ "type": "result", … }\` or \`{ "type": "error", "error": … }\`.

The first line of \`golek serve\` is \`golek listens on URL\`, printed when it takes requests; the line that starts with \`curl\` can be pasted into a shell.

## Models

A model is named by its name or by a path that ends in \`.gguf\` or \`.onnx\`. There are the models of \`models.list\`, such files below \`models\` in the data
folder and below \`models.folders\` (named after their files; \`golek models list\` says what was renamed), and the bundled golek-tiny and golek-embed. Without a name
\`models.default\` answers, else the first configured model, else golek-tiny.

\`golek run\` and \`golek chat\` run the model in their own process, through the same kernel as the server; no server is needed. So do \`golek embed\`, \`rerank\`,
\`classify\` and \`infer\`, which also take a folder with a model; without a name \`models.default\` answers them where it can do the task, else the first model that was made for it. With \`--url\` they
ask a running server.

## Many inputs

\`golek embed\`, \`rerank\`, \`classify\` and \`infer\` take texts as words, or one input a line from standard input or \`--input\`: plain text, or JSON objects (\`--field\`, files named \`.jsonl\`). They give one
line of JSON for each input, in their order: the fields of the input, then the answer. Empty lines are no inputs. Lines are worked on as they come, \`--concurrency\` at once, which the engine evaluates together;
memory does not grow with the input, and a reader that is slow slows the command down. Ctrl-C ends it; what is written until then are whole lines. On a terminal standard error shows lines,
rate and time left, unless the answers go to the terminal as well.

The first input that is wrong ends the command with its line number. With \`--keep-going\` such a line is given back with \`line\` and \`error: { code, message }\`, the others are answered, and the exit code is 1 at the
end. What would go wrong with every line, such as a model that cannot be loaded, ends it all the same.

## Settings

Every setting of [the configuration](configuration.md) can be given as a flag: \`--http.port 9000\`, \`--gguf.threads=2\`. The data folder is \`~/.golek\`,
\`GOLEK_HOME\` or \`--home\`.

## Shells

\`golek completion bash|zsh|fish\` prints a script that completes commands, options, files and model names; no other package is needed.

`;

/** The help of a command and of those below it, as it is printed. */
const sections = (command: Command, path: readonly string[]): string[] => {
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part), getOutHelpWidth: () => 120 });
  command.outputHelp();
  const below = command.commands.filter((child) => child.name() !== 'help');
  return [
    `## ${path.join(' ')}\n\n\`\`\`text\n${text.trim()}\n\`\`\`\n`,
    ...below.flatMap((child) => sections(child, [...path, child.name()])),
  ];
};

test('docs/reference/cli.md is current', async () => {
  const program = await golekProgram(() => true);
  const file = fileURLToPath(new URL('../../../../docs/reference/cli.md', import.meta.url));
  await expect(INTRODUCTION + sections(program, ['golek']).join('\n')).toMatchFileSnapshot(file);
});
