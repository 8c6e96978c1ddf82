/** `understudy completion`: what a shell is told so that it completes our commands, and what it asks then. */
import { type Command, UsageError } from '../command.ts'
import { candidates, FILES } from './candidates.ts'
import { NOUNS } from './nouns.ts'

const SCRIPTS: Readonly<Record<string, string>> = {
  bash: `# bash: source <(understudy completion bash)
_understudy() {
  local current="\${COMP_WORDS[COMP_CWORD]}" line word
  local words=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD}"; do
    word="\${word//\\\\/}"
    words+=("\${word#[\\"\\']}")
  done
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ $line == "${FILES}" ]]; then
      compopt -o filenames 2>/dev/null
      COMPREPLY=()
      while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -f -- "$current")
      return
    fi
    COMPREPLY+=("$(printf '%q' "$line")")
  done < <("\${COMP_WORDS[0]}" completion words -- "\${words[@]}" 2>/dev/null)
}
complete -F _understudy understudy
`,
  zsh: `#compdef understudy
# zsh: source <(understudy completion zsh), or keep it as _understudy in a folder of fpath
_understudy() {
  local -a lines
  lines=("\${(@f)$("\${words[1]}" completion words -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
  lines=("\${(@)lines:#}")
  if [[ "\${lines[1]}" == "${FILES}" ]]; then
    _files
  else
    compadd -a lines
  fi
}
if [[ "\${funcstack[1]}" == "_understudy" ]]; then
  _understudy "$@"
else
  compdef _understudy understudy
fi
`,
  fish: `# fish: understudy completion fish | source
function __understudy_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l found (understudy completion words -- $words[2..] 2>/dev/null)
    if test "$found[1]" = "${FILES}"
        __fish_complete_path (commandline -ct)
    else
        printf '%s\\n' $found
    end
end
complete -c understudy -f -a '(__understudy_complete)'
`,
}

export const command: Command = {
  summary: 'print what bash, zsh or fish need to complete commands, options and names',
  usage: `
Usage: understudy completion bash|zsh|fish

Prints a script for the shell. Put one of these lines into the shell's start file:

  source <(understudy completion bash)       ~/.bashrc
  source <(understudy completion zsh)        ~/.zshrc, after compinit
  understudy completion fish | source        ~/.config/fish/config.fish

Names of pools, jobs, schedules, VMs and storage repositories are asked of the server that is meant (see 'understudy config').`,
  async run([shell, ...words]) {
    if (shell === 'words') return await printCandidates(words[0] === '--' ? words.slice(1) : words)
    const script = shell !== undefined && Object.hasOwn(SCRIPTS, shell) ? SCRIPTS[shell] : undefined
    if (script === undefined || words.length > 0) throw new UsageError(`which shell? ${Object.keys(SCRIPTS).join(', ')}`)
    process.stdout.write(script)
    return 0
  },
}

async function printCandidates(words: readonly string[]): Promise<number> {
  const { commands } = await import('../main.ts')
  const found = await candidates(words, {
    commands: [...Object.keys(commands), 'help'],
    noun: async (name) => (Object.hasOwn(NOUNS, name) ? await NOUNS[name]?.() : undefined),
    usage: async (name) => (Object.hasOwn(commands, name) ? (await commands[name]?.())?.usage : undefined),
  })
  process.stdout.write(found.map((each) => `${each}\n`).join(''))
  return 0
}
