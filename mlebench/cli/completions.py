"""What may stand at the end of a command line, for completion in a shell.

The parsers of the commands are the source, so completion never lags behind them. Where a word is a file or anything else that
cannot be listed, there are no candidates and the shell offers files.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable, Sequence

from mlebench._support import paths
from mlebench.cli.main import COMMANDS, command_module, command_parser
from mlebench.cli.parsing import Parser

_BEFORE_COMMAND = ("-q", "--quiet", "-v", "--verbose", "-h", "--help", "--version")


def candidates(words: Sequence[str]) -> list[str]:
    """Candidates for the last of `words`, the words after `mlebench`; it may be empty."""
    *before, last = words or [""]
    names = [place for place, word in enumerate(before) if not word.startswith("-")]
    if not names:
        return _starting(last, [*COMMANDS, *_BEFORE_COMMAND] if last.startswith("-") else COMMANDS)
    command, given = before[names[0]], before[names[0] + 1 :]
    if command not in COMMANDS:
        return []
    if command == "help":
        return _starting(last, COMMANDS)
    parser = command_parser(command, importlib.import_module(command_module(command)))
    return _starting(last, _of_parser(parser, given, last))


def _starting(last: str, names: Sequence[str] | dict[str, str]) -> list[str]:
    return [name for name in dict.fromkeys(names) if name.startswith(last)]


def _of_parser(parser: argparse.ArgumentParser, given: Sequence[str], last: str) -> list[str]:
    """Candidates for the word after `given`, the words after the command's name."""
    positionals = 0
    waiting: argparse.Action | None = None
    for place, word in enumerate(given):
        if waiting is not None:
            waiting = None
        elif word.startswith("-") and word != "-":
            action = parser._option_string_actions.get(word)
            waiting = action if action is not None and action.nargs != 0 else None
        elif (inner := _subcommand(parser, word)) is not None:
            return _of_parser(inner, given[place + 1 :], last)
        else:
            positionals += 1
    if waiting is not None:
        return _values(parser, waiting)
    if last.startswith("-"):
        return list(parser._option_string_actions)
    expected = [action for action in parser._actions if not action.option_strings]
    chosen = expected[min(positionals, len(expected) - 1) :][:1]
    repeats = positionals < len(expected) or (bool(chosen) and chosen[0].nargs in ("*", "+"))
    return _values(parser, chosen[0]) if chosen and repeats else []


def _subcommand(parser: argparse.ArgumentParser, word: str) -> argparse.ArgumentParser | None:
    for action in parser.subcommands() if isinstance(parser, Parser) else ():
        if word in action.choices:
            inner: argparse.ArgumentParser = action.choices[word]
            return inner
    return None


def _values(parser: argparse.ArgumentParser, action: argparse.Action) -> list[str]:
    choices = [str(choice) for choice in action.choices or ()]
    if parser.prog == "mlebench agents":
        # the word `show` may be left out
        choices += _agents()
    listed = _LISTED.get(str(action.metavar))
    return choices or ([] if listed is None else listed())


def _competitions() -> list[str]:
    from mlebench.registry import Registry

    return sorted(name for names in Registry().ids_by_split().values() for name in names)


def _splits() -> list[str]:
    from mlebench.registry import Registry

    return Registry().split_names()


def _agents() -> list[str]:
    # `mlebench.agents` takes long to import
    return sorted({path.parent.name for home in paths.content_dirs("agents") for path in home.glob("*/agent.yaml")})


def _profiles() -> list[str]:
    from mlebench._support.yaml_model import read_yaml

    content = read_yaml(paths.content_dir("containers") / "profiles.yaml")
    return list(content["profiles"]) if isinstance(content, dict) else []


def _models() -> list[str]:
    from mlebench.gateway.catalogue import read_catalogue

    catalogue = read_catalogue()
    return sorted([*catalogue.models, *catalogue.aliases])


def _groups() -> list[str]:
    folders = sorted(path.parent.name for path in paths.runs_dir().glob("*/group.yaml"))
    return ["latest", *reversed(folders)] if folders else []


def _runs() -> list[str]:
    return sorted({path.parent.name for path in paths.runs_dir().glob("*/*/run.json")})


_LISTED: dict[str, Callable[[], list[str]]] = {
    "ID": _competitions,
    "S": _splits,
    "NAME[/VARIANT]": _agents,
    "AGENT": _agents,
    "P": _profiles,
    "MODEL": _models,
    "GROUP": _groups,
    "GROUP|BUNDLE.zip": _groups,
    "GROUP|BUNDLE.zip|REPORT.json": _groups,
    "OTHER": _groups,
    "SOURCE": _groups,
    "RUN": _runs,
    "COMMAND": lambda: list(COMMANDS),
}
"""What a value is, by the metavar that help shows for it."""
