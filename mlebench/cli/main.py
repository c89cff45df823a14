"""Entry point: picks a command, imports only that command, turns errors into one sentence and an exit code."""

from __future__ import annotations

import argparse
import difflib
import importlib
import itertools
import keyword
import os
import re
import sys
from types import ModuleType
from typing import NoReturn

COMMANDS = {
    "list": "list competitions",
    "info": "show one competition",
    "prepare": "download and prepare competitions",
    "mock": "make a tiny raw download of the true schema",
    "status": "show what is prepared",
    "grade": "grade a submission, a list of submissions or a run group",
    "grade-sample": "grade one submission and log the report as JSON",
    "validate": "check a submission without scoring it",
    "leaderboard": "show thresholds and where a score would stand",
    "run": "let an agent work on competitions",
    "runs": "list run groups and their runs",
    "report": "aggregate grading reports into medal tables",
    "bundle": "pack run groups into one file that anybody can check",
    "verify": "check such a file",
    "audit": "look for answers in what agents see of prepared data",
    "review": "look for broken rules and copied code in run groups",
    "export": "write run groups in the formats of other tools",
    "import": "make run groups of the results of other harnesses",
    "view": "show runs in a browser while they are under way",
    "board": "build a leaderboard from such files, as a static site",
    "notebooks": "get the public notebooks of a competition, to compare runs with",
    "agents": "list agents, build their images",
    "models": "list the models that agents may ask, or ask one",
    "images": "build the container images",
    "new-competition": "make a folder for a competition of your own",
    "new-agent": "make a folder for an agent of your own",
    "dev": "get leaderboards or write a checkout, for programs of the published harness",
    "completion": "print a completion script for a shell",
    "doctor": "check this machine",
    "demo": "run the whole job on the embedded demo split",
}


_VOLUME = ("-q", "--quiet", "-v", "--verbose")
"""Options of every command, which may also stand before it."""


class _Parser(argparse.ArgumentParser):
    """Refuses wrong options in one sentence, with the nearest spelling of a mistyped choice or option."""

    def error(self, message: str) -> NoReturn:
        from mlebench.errors import UsageError

        raise UsageError(f"{message}{self._nearest(message)}")

    def _nearest(self, message: str) -> str:
        options = [option for action in self._actions for option in action.option_strings]
        choices = [str(choice) for action in self._actions for choice in action.choices or ()]
        known = {"unrecognized arguments: (-\\S*)": options, "invalid choice: '(.*?)'": choices}
        wrong = [(found[1], names) for pattern, names in known.items() if (found := re.search(pattern, message))]
        near = [name for word, names in wrong for name in difflib.get_close_matches(word.partition("=")[0], names, n=1)]
        return f"; did you mean {near[0]}?" if near else f"; `{self.prog} --help` shows more"


def _usage() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {summary}" for name, summary in COMMANDS.items()]
    return "\n".join(
        [
            "usage: mlebench [-q | -v] COMMAND [options]",
            "",
            "Measure how well AI agents do machine-learning engineering.",
            "",
            "commands:",
            *lines,
            "",
            "`mlebench COMMAND --help` lists a command's options. Try `mlebench demo`.",
        ]
    )


def _without_command(word: str, rest: list[str]) -> int:
    """What `--help`, `--version`, nothing or a word that is no command gets."""
    if word in {"-h", "--help"}:
        print(_usage())
        return 0
    if word == "--version":
        from mlebench._support.version import VERSION

        print(f"mlebench {VERSION}")
        return 0
    print(_refusal(word, rest) if word else _usage(), file=sys.stderr)
    return 2


def _refusal(word: str, rest: list[str]) -> str:
    if word.startswith("-"):
        command = next((entry for entry in rest if entry in COMMANDS), "COMMAND")
        return f"mlebench: the option `{word}` goes after the command: `mlebench {command} {word}`"
    near = difflib.get_close_matches(word, COMMANDS, n=1)
    hint = f"did you mean `mlebench {near[0]}`?" if near else "`mlebench --help` lists the commands"
    return f"mlebench: unknown command `{word}`; {hint}"


def command_module(name: str) -> str:
    """The module of a command; one that is called as a word of Python ends in `_`."""
    module = name.replace("-", "_")
    return f"mlebench.cli.commands.{module}{'_' if keyword.iskeyword(module) else ''}"


def command_parser(name: str, module: ModuleType) -> argparse.ArgumentParser:
    """The parser of one command, from its module."""
    from mlebench.cli.options import add_volume

    parser = _Parser(
        prog=f"mlebench {name}",
        description=module.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    module.configure(parser)
    add_volume(parser)
    return parser


def _dispatch(name: str, words: list[str]) -> int:
    module = importlib.import_module(command_module(name))
    arguments = command_parser(name, module).parse_args(words)
    arguments.words = [name, *words]
    if arguments.verbose:
        import logging

        logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s", stream=sys.stderr)
        logging.getLogger("mlebench").setLevel(logging.DEBUG)
    return int(module.run(arguments))


def main(arguments: list[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: the words after `mlebench`; `sys.argv` when omitted.

    Returns:
        0 done; 1 the work failed, a submission is invalid, or nobody reads the output; 2 wrong usage or a missing precondition;
        130 interrupted.

    Raises:
        SystemExit: after `--help`, with 0.
    """
    from mlebench._support.terminal import printable_streams

    with printable_streams():
        try:
            return _run(sys.argv[1:] if arguments is None else arguments)
        finally:
            _finish_output()


def _run(words: list[str]) -> int:
    """The command that the words name, its errors told in one sentence."""
    volume = list(itertools.takewhile(_VOLUME.__contains__, words))
    name, *rest = words[len(volume) :] or [""]
    called = f"mlebench {name}" if name in COMMANDS else "mlebench"

    from mlebench._support.extras import extras_explained
    from mlebench.errors import MlebenchError

    try:
        with extras_explained():
            exit_code = _dispatch(name, [*volume, *rest]) if name in COMMANDS else _without_command(name, rest)
            # a reader that has gone or a full disk shows here, not when the interpreter ends
            sys.stdout.flush()
            return exit_code
    except MlebenchError as error:
        print(f"{called}: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        return 1
    except KeyboardInterrupt:
        print(f"{called}: interrupted", file=sys.stderr)
        return 130
    except OSError as error:
        where = f" at {error.filename}" if error.filename else ""
        print(f"{called}: {error.strerror or error}{where}", file=sys.stderr)
        return 1


def _finish_output() -> None:
    """Leave nothing in standard output that the interpreter would fail to write when it ends."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
