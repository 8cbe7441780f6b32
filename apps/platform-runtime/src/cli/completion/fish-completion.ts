import type { CompletionNode, CompletionOption } from './completion-tree.ts';

const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

const MODELS = `'(golek models list --names 2>/dev/null)'`;

const optionLine = (path: string, { flags, description, value }: CompletionOption): string => {
  const names = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`)).join(' ');
  const takes = { none: '', any: ' -x', file: ' -r -F', model: ` -r -F -a ${MODELS}` }[value];
  return `complete -c golek -n "__golek_is ${quoted(path)}" ${names}${takes} -d ${quoted(description)}`;
};

const lines = (node: CompletionNode, settings: readonly string[]): readonly string[] => {
  const condition = `-n "__golek_is ${quoted(node.path)}"`;
  return [
    ...node.commands.map(
      ({ name, description }) => `complete -c golek ${condition} -a ${name} -d ${quoted(description)}`,
    ),
    ...(node.choices.length > 0 ? [`complete -c golek ${condition} -a ${quoted(node.choices.join(' '))}`] : []),
    ...(node.argument === 'setting' ? [`complete -c golek ${condition} -a ${quoted(settings.join(' '))}`] : []),
    ...(node.argument === 'model' ? [`complete -c golek ${condition} -F -a ${MODELS}`] : []),
    ...node.options.map((option) => optionLine(node.path, option)),
  ];
};

/** A script for fish. */
export const fishCompletion = (nodes: readonly CompletionNode[], settings: readonly string[]): string => {
  const branches = nodes
    .filter(({ path }) => path !== '')
    .map(({ path }) => {
      const words = path.split(' ');
      return `      case ${quoted(`${words.slice(0, -1).join(' ')} ${words.at(-1) ?? ''}`)}\n        set at ${quoted(path)}`;
    });
  return `# fish completion for golek
# Run:  golek completion fish > ~/.config/fish/completions/golek.fish
function __golek_is
  set -l at ''
  for word in (commandline -opc)[2..-1]
    switch "$at $word"
${branches.join('\n')}
    end
  end
  test "$at" = "$argv[1]"
end
complete -c golek -f
${nodes.flatMap((node) => lines(node, settings)).join('\n')}
`;
};
