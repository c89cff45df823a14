"""The page of all commands in the docs, made from the parsers: `python -m mlebench.cli.reference > docs/commands.md`."""

from __future__ import annotations

import argparse
import importlib
import inspect
import sys

from mlebench.cli.main import GROUPS, command_module, command_parser
from mlebench.cli.parsing import Formatter, Parser, examples_of

_HEAD = """# Commands

Every command and its options, generated from the program. `mlebench help COMMAND` shows the same in a terminal, and
`mlebench completion bash` prints a completion script, also for zsh, fish and tcsh.

Exit codes: 0 if the command did its work; 1 if the work failed or a submission is invalid; 2 for wrong usage or a missing
precondition, such as data that is not prepared; 130 if interrupted. Results go to stdout; progress, log lines and errors go to
stderr. `NO_COLOR`, `FORCE_COLOR`, `TERM=dumb` and `COLUMNS` are respected.

These options work with every command and may precede it:

- `-q`, `--quiet`: print only results and errors.
- `-v`, `--verbose`: also print log lines on stderr.
- `-h`, `--help`: show help and exit.
"""
_EVERYWHERE = ("quiet", "verbose", "help")


def reference_page() -> str:
    """The page, in Markdown."""
    parts = [_HEAD.strip(), *_index()]
    for title, commands in GROUPS.items():
        parts.append(f"## {title.capitalize()}")
        for name in commands:
            parts += _sections(_parser(name), level=3)
    return "\n\n".join(parts) + "\n"


def _parser(name: str) -> Parser:
    parser = command_parser(name, importlib.import_module(command_module(name)))
    assert isinstance(parser, Parser)
    return parser


def _index() -> list[str]:
    rows = [
        f"| {title} | {', '.join(f'[{name}](#mlebench-{name})' for name in commands)} |" for title, commands in GROUPS.items()
    ]
    return ["\n".join(["| for | commands |", "|---|---|", *rows])]


def _sections(parser: Parser, level: int) -> list[str]:
    text = inspect.cleandoc(parser.description or "")
    paragraphs = [block.strip() for block in text.partition("examples:")[0].split("\n\n") if block.strip()]
    parts = [f"{'#' * level} {parser.prog}", *paragraphs, f"```text\n{_usage(parser)}\n```"]
    if examples := examples_of(text):
        parts.append("```bash\n" + "\n".join(examples) + "\n```")
    for title, actions in parser.sections():
        rows = [_row(parser, action) for action in actions if action.dest not in _EVERYWHERE]
        if rows and not isinstance(actions[0], argparse._SubParsersAction):
            parts.append("\n".join([f"| {title} | |", "|---|---|", *rows]))
    for action in parser.subcommands():
        for inner in action.choices.values():
            parts += _sections(inner, level + 1)
    return parts


def _usage(parser: Parser) -> str:
    return f"usage: {parser.usage_text()}"


def _row(parser: Parser, action: argparse.Action) -> str:
    formatter = Formatter(parser.prog)
    names = ", ".join(f"`{part.strip()}`" for part in formatter._format_action_invocation(action).split(", "))
    return f"| {_cell(names)} | {_cell(formatter._expand_help(action) if action.help else '')} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(reference_page())
