import { flagsWith, pathBranches, type CompletionNode } from './completion-tree.ts';

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** An entry of \`_describe\`: colons separate the description. */
const entry = (name: string, description: string): string =>
  quoted(description === '' ? name : `${name.replaceAll(':', '\\:')}:${description}`);

const branch = (node: CompletionNode): string => {
  const commands = [
    ...node.commands.map(({ name, description }) => entry(name, description)),
    ...node.choices.map((choice) => entry(choice, '')),
  ];
  const options = node.options.flatMap(({ flags, description }) => flags.map((flag) => entry(flag, description)));
  return [
    `    ${quoted(node.path)})`,
    `      commands=(${commands.join(' ')})`,
    `      options=(${options.join(' ')})`,
    `      files=(${flagsWith(node, 'file').join(' ')})`,
    `      models=(${flagsWith(node, 'model').join(' ')})`,
    `      values=(${flagsWith(node, 'any').join(' ')})`,
    `      takes=${node.argument} ;;`,
  ].join('\n');
};

/** A script for zsh. */
export const zshCompletion = (nodes: readonly CompletionNode[], settings: readonly string[]): string => `#compdef golek
# zsh completion for golek
# Add to ~/.zshrc after compinit:  eval "$(golek completion zsh)"
_golek() {
  local at='' word takes cur=\${words[CURRENT]} prev=\${words[CURRENT-1]}
  local -a commands options files models values
  for word in \${words[2,CURRENT-1]}; do
    case "$at $word" in
${pathBranches(nodes)}
    esac
  done
  case "$at" in
${nodes.map(branch).join('\n')}
  esac
  if (( \${values[(Ie)$prev]} )); then
    return 1
  elif (( \${files[(Ie)$prev]} )); then
    _files
  elif (( \${models[(Ie)$prev]} )) || [[ $cur != -* && $takes == model ]]; then
    compadd -- \${(f)"$(golek models list --names 2>/dev/null)"}
    _files
  elif [[ $cur == -* ]]; then
    _describe -o option options
  elif [[ $takes == setting ]]; then
    # The value that follows the name cannot be guessed.
    [[ $prev == \${at##* } ]] && compadd -- ${settings.join(' ')}
  else
    _describe command commands
  fi
}
compdef _golek golek
`;
