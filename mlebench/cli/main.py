"""Entry point: picks a command, imports only that command, turns errors into one sentence and an exit code."""

from __future__ import annotations

import argparse
import difflib
import importlib
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
    "agents": "list agents, build their images",
    "images": "build the container images",
    "new-competition": "make a folder for a competition of your own",
    "new-agent": "make a folder for an agent of your own",
    "dev": "get leaderboards or write a checkout, for programs of the published harness",
    "completion": "print a completion script for a shell",
    "doctor": "check this machine",
    "demo": "run the whole job on the embedded demo split",
}


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
            "usage: mlebench COMMAND [options]",
            "",
            "Measure how well AI agents do machine-learning engineering.",
            "",
            "commands:",
            *lines,
            "",
            "`mlebench COMMAND --help` lists a command's options. Try `mlebench demo`.",
        ]
    )


def _unknown(name: str) -> int:
    near = difflib.get_close_matches(name, COMMANDS, n=1)
    hint = f"; did you mean `mlebench {near[0]}`?" if near else "; `mlebench --help` lists them"
    print(f"mlebench: there is no command `{name}`{hint}", file=sys.stderr)
    return 2


def command_parser(name: str, module: ModuleType) -> argparse.ArgumentParser:
    """The parser of one command, from its module."""
    parser = _Parser(
        prog=f"mlebench {name}",
        description=module.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    module.configure(parser)
    volume = parser.add_mutually_exclusive_group()
    volume.add_argument("-q", "--quiet", action="store_true", help="no progress, only results and errors")
    volume.add_argument("-v", "--verbose", action="store_true", help="also report each step")
    return parser


def _dispatch(name: str, words: list[str]) -> int:
    module = importlib.import_module(f"mlebench.cli.commands.{name.replace('-', '_')}")
    arguments = command_parser(name, module).parse_args(words)
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
    words = sys.argv[1:] if arguments is None else arguments
    if not words:
        print(_usage(), file=sys.stderr)
        return 2
    if words[0] in {"-h", "--help"}:
        print(_usage())
        return 0
    if words[0] == "--version":
        from mlebench._support.version import VERSION

        print(f"mlebench {VERSION}")
        return 0
    name, *rest = words
    if name not in COMMANDS:
        return _unknown(name)

    from mlebench._support.extras import extras_explained
    from mlebench.errors import MlebenchError

    try:
        with extras_explained():
            exit_code = _dispatch(name, rest)
            # a reader that has gone shows here, not when the interpreter ends
            sys.stdout.flush()
            return exit_code
    except MlebenchError as error:
        print(f"mlebench {name}: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print(f"mlebench {name}: interrupted", file=sys.stderr)
        return 130
    except OSError as error:
        where = f" at {error.filename}" if error.filename else ""
        print(f"mlebench {name}: {error.strerror or error}{where}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
