import { flagsWith, pathBranches, type CompletionNode } from './completion-tree.ts';

const branch = (node: CompletionNode): string => {
  const words = [...node.commands.map(({ name }) => name), ...node.choices].join(' ');
  const options = node.options.flatMap(({ flags }) => flags).join(' ');
  const files = flagsWith(node, 'file').join(' ');
  const models = flagsWith(node, 'model').join(' ');
  const values = flagsWith(node, 'any').join(' ');
  return `    '${node.path}') words='${words}' options='${options}' files='${files}' models='${models}' values='${values}' takes='${node.argument}' ;;`;
};

/** A script for bash 4 and newer; it needs no other package. */
export const bashCompletion = (
  nodes: readonly CompletionNode[],
  settings: readonly string[],
): string => `# bash completion for golek
# Add to ~/.bashrc:  eval "$(golek completion bash)"
_golek() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} at='' word i
  local words options files models values takes
  # Bash makes a word of its own of the = in --model=file.
  [[ $cur == = ]] && cur=''
  [[ $prev == = ]] && prev=\${COMP_WORDS[COMP_CWORD-2]}
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    case "$at $word" in
${pathBranches(nodes)}
    esac
  done
  case "$at" in
${nodes.map(branch).join('\n')}
  esac
  COMPREPLY=()
  if [[ " $values " == *" $prev "* ]]; then
    return
  elif [[ " $files " == *" $prev "* ]]; then
    compopt -o filenames
    mapfile -t COMPREPLY < <(compgen -f -- "$cur")
  elif [[ " $models " == *" $prev "* ]]; then
    compopt -o filenames
    mapfile -t COMPREPLY < <(compgen -W "$(golek models list --names 2>/dev/null)" -- "$cur"; compgen -f -- "$cur")
  elif [[ $cur == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
  elif [[ $takes == setting ]]; then
    # The value that follows the name cannot be guessed.
    [[ $prev == "\${at##* }" ]] && mapfile -t COMPREPLY < <(compgen -W '${settings.join(' ')}' -- "$cur")
  elif [[ $takes == model ]]; then
    compopt -o filenames
    mapfile -t COMPREPLY < <(compgen -W "$(golek models list --names 2>/dev/null)" -- "$cur"; compgen -f -- "$cur")
  else
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
  fi
}
complete -F _golek golek
`;
