"""Print a completion script for bash, zsh, fish or tcsh.

It completes commands, options, competition ids, splits, agents, profiles, models, run groups and runs.

examples:
  mlebench completion bash > ~/.local/share/bash-completion/completions/mlebench
  mlebench completion zsh > ~/.zfunc/_mlebench
  mlebench completion fish > ~/.config/fish/completions/mlebench.fish
"""

from __future__ import annotations

import argparse
import os
import shlex

from mlebench.errors import UsageError

_ASK = "mlebench completion words --"
SCRIPTS = {
    "bash": f"""\
_mlebench() {{
    local IFS=$'\\n'
    COMPREPLY=($({_ASK} "${{COMP_WORDS[@]:1:COMP_CWORD}}" 2>/dev/null))
}}
complete -o bashdefault -o default -F _mlebench mlebench
""",
    "zsh": f"""\
#compdef mlebench
_mlebench() {{
    local -a found
    found=("${{(@f)$({_ASK} "${{(@)words[2,CURRENT]}}" 2>/dev/null)}}")
    if [[ -n "$found" ]]; then compadd -- $found; else _files; fi
}}
if [[ "$funcstack[1]" = _mlebench ]]; then _mlebench "$@"; else compdef _mlebench mlebench; fi
""",
    "fish": f"""\
function __mlebench_words
    set -l words (commandline -opc)
    set -e words[1]
    set -l last (commandline -ct)
    {_ASK} $words "$last" 2>/dev/null
end
complete -c mlebench -a '(__mlebench_words)'
""",
    "tcsh": "complete mlebench 'p,*,`mlebench completion words`,'\n",
}
"""Each asks `mlebench completion words -- WORD…` for candidates; tcsh gives the line in COMMAND_LINE."""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=(*SCRIPTS, "words"), metavar="SHELL", help=", ".join(SCRIPTS))
    parser.add_argument("line", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)


def run(arguments: argparse.Namespace) -> int:
    if arguments.shell == "words":
        return _print_candidates(arguments.line)
    if arguments.line:
        raise UsageError(f"unexpected argument `{arguments.line[0]}`; `mlebench completion --help` shows the usage")
    print(SCRIPTS[arguments.shell], end="")
    return 0


def _print_candidates(words: list[str]) -> int:
    from mlebench.cli.completions import candidates

    words = words[1:] if words[:1] == ["--"] else words
    if not words and (line := os.environ.get("COMMAND_LINE")):
        words = [*shlex.split(line)[1:], *([""] if line.endswith(" ") else [])]
    for name in candidates(words):
        print(name)
    return 0
