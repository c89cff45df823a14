"""Entry point: picks a command, imports only that command, turns errors into one sentence and an exit code."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import itertools
import keyword
import os
import sys
from collections.abc import Iterator
from types import ModuleType

GROUPS: dict[str, dict[str, str]] = {
    "get started": {
        "demo": "run the full pipeline on the built-in demo split",
        "doctor": "check that this machine is ready for runs",
        "help": "show the help of a command",
    },
    "competitions and data": {
        "list": "list competitions",
        "info": "show the facts of a competition",
        "prepare": "download and prepare competitions",
        "status": "list prepared competitions",
        "mock": "generate a small mock dataset with the real schema",
        "leaderboard": "show medal thresholds and rank a score",
        "audit": "search prepared data for leaked answers",
        "notebooks": "download public notebooks to compare runs with",
        "fresh": "list recent Kaggle competitions to add",
    },
    "agents and runs": {
        "run": "run agents on competitions",
        "runs": "list, watch and control runs",
        "view": "show runs live in a browser",
        "agents": "list agents and build their images",
        "models": "list and test the models that agents can use",
        "images": "list, build and export container images",
    },
    "results": {
        "validate": "check the format of a submission",
        "grade": "grade submissions or a run group",
        "grade-sample": "grade one submission and log the report as JSON",
        "report": "aggregate results into medal tables",
        "review": "search runs for broken rules and copied code",
    },
    "sharing": {
        "bundle": "pack run groups into one verifiable file",
        "verify": "verify a bundle",
        "board": "build a leaderboard site from bundles",
        "export": "export runs and competitions to other tools",
        "import": "import results of other harnesses",
    },
    "extending and set-up": {
        "new-agent": "create an agent folder",
        "new-competition": "create a competition folder, also from Kaggle",
        "check": "check a competition folder and list what to do",
        "completion": "print a shell completion script",
        "dev": "support programs written for the published harness",
    },
}
"""Commands by purpose, each with one line about it."""
COMMANDS = {name: summary for commands in GROUPS.values() for name, summary in commands.items()}

_PURPOSE = "Measure how well AI agents do machine-learning engineering."
_EXAMPLES = """
examples:
  mlebench demo
  mlebench prepare spaceship-titanic
  mlebench run --agent baseline -c spaceship-titanic
  mlebench report latest

Run `mlebench COMMAND --help` for the options and examples of a command.
"""
_VOLUME = ("-q", "--quiet", "-v", "--verbose")
"""Options of every command, which may also stand before it."""


def usage() -> str:
    """What `mlebench --help` prints: every command, by purpose."""
    import textwrap

    from mlebench.cli.parsing import help_width, laid_out, usage_line

    width = help_width()
    names = max(map(len, COMMANDS))
    lines: list[str] = []
    for title, commands in GROUPS.items():
        lines += ["", f"{title}:"]
        for name, summary in commands.items():
            lines += textwrap.wrap(summary, width, initial_indent=f"  {name:<{names}}  ", subsequent_indent=" " * (names + 4))
    line = usage_line("mlebench [-q | -v] COMMAND [options]", width)
    return "\n".join([line, "", laid_out(_PURPOSE, width), *lines, "", laid_out(_EXAMPLES, width)])


def _without_command(word: str, rest: list[str]) -> int:
    """What `--help`, `--version`, nothing or an unknown command gets."""
    if word in {"-h", "--help"}:
        print(usage())
        return 0
    if word == "--version":
        from mlebench._support.version import VERSION

        print(f"mlebench {VERSION}")
        return 0
    print(_refusal(word, rest) if word else usage(), file=sys.stderr)
    return 2


def _refusal(word: str, rest: list[str]) -> str:
    if word.startswith("-"):
        command = next((entry for entry in rest if entry in COMMANDS), "COMMAND")
        return f"mlebench: the option `{word}` goes after the command: `mlebench {command} {word}`"
    from mlebench._support.hints import unknown

    return f"mlebench: {unknown('command', word, COMMANDS, listing='`mlebench --help`')}"


def command_module(name: str) -> str:
    """The module of a command; one whose name is a keyword of Python ends in `_`."""
    module = name.replace("-", "_")
    return f"mlebench.cli.commands.{module}{'_' if keyword.iskeyword(module) else ''}"


def command_parser(name: str, module: ModuleType) -> argparse.ArgumentParser:
    """The parser of one command, from its module."""
    from mlebench.cli.options import add_volume
    from mlebench.cli.parsing import Parser

    parser = Parser(prog=f"mlebench {name}", description=module.__doc__)
    module.configure(parser)
    add_volume(parser)
    return parser


def _dispatch(name: str, words: list[str]) -> int:
    module = importlib.import_module(command_module(name))
    arguments = command_parser(name, module).parse_args(words)
    arguments.words = [name, *words]
    with _log_level(arguments):
        return int(module.run(arguments))


@contextlib.contextmanager
def _log_level(arguments: argparse.Namespace) -> Iterator[None]:
    """With --verbose, log lines of the harness and warnings of libraries on standard error; with --quiet, errors only."""
    if not (arguments.verbose or arguments.quiet):
        yield
        return
    import logging

    root, ours = logging.getLogger(), logging.getLogger("mlebench")
    levels = root.level, ours.level
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    root.addHandler(handler)
    root.setLevel(logging.WARNING if arguments.verbose else logging.ERROR)
    ours.setLevel(logging.DEBUG if arguments.verbose else logging.ERROR)
    logging.captureWarnings(capture=True)
    try:
        yield
    finally:
        logging.captureWarnings(capture=False)
        root.removeHandler(handler)
        root.setLevel(levels[0])
        ours.setLevel(levels[1])


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
    """Run the command, reporting errors in one sentence."""
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
        where = f": {error.filename}" if error.filename else ""
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
