"""The parser of every command: how help is laid out, and what a wrong command line is told.

A command's docstring is its help: paragraphs, then a line `examples:` with indented commands. Help fits the terminal, from 40
to 100 columns; a command that is too long for a line is broken with backslashes, so that it can still be pasted.
"""

from __future__ import annotations

import argparse
import re
import shutil
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NoReturn

from mlebench._support.hints import alternatives, did_you_mean, ticked, unknown
from mlebench.errors import UsageError

_NARROWEST, _WIDEST = 40, 100
_GENERAL = ("data_dir", "runs_dir", "json", "quiet", "verbose", "help")
"""Destinations of the options that most commands share, in the order in which help lists them, last."""
_TITLES = {"positional arguments": "arguments"}
_WORDS = re.compile(r"""(?:[^\s'"]|'[^']*'|"[^"]*")+""")
"""Words of a command line, quoted ones whole."""
_REQUIRED = "the following arguments are required: "


def help_width() -> int:
    """Columns of help texts: those of the terminal within bounds; 80 where there is no terminal and COLUMNS is not set."""
    return min(max(shutil.get_terminal_size().columns, _NARROWEST), _WIDEST)


class Formatter(argparse.RawDescriptionHelpFormatter):
    """Lays options out in the width of help texts."""

    def __init__(self, prog: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(prog, max_help_position=24, width=help_width())

    def _format_action(self, action: argparse.Action) -> str:
        if isinstance(action, argparse._SubParsersAction):
            return "".join(self._format_action(inner) for inner in action._get_subactions())
        return super()._format_action(action)


class Parser(argparse.ArgumentParser):
    """A parser whose help is grouped and whose refusals say in one sentence what to write instead."""

    def __init__(self, **kwargs: Any) -> None:
        description = kwargs.pop("description", None)
        super().__init__(description=description, formatter_class=Formatter, allow_abbrev=False, **kwargs)
        self._otherwise: str | None = None
        self._given: list[str] = []
        for action in self._actions:
            if action.dest == "help":
                action.help = "show this help and exit"

    def add_actions(
        self, actions: Mapping[str, tuple[str, Callable[[argparse.ArgumentParser], None]]], *, otherwise: str
    ) -> None:
        """Let the first word choose an action, each with its own arguments.

        Args:
            actions: by name, the help text, whose first line is the summary, and what adds its arguments. What the command takes
                without an action is for the caller to add.
            otherwise: the action meant where none is given, also by words that name none.
        """
        add_actions(self, actions, is_required=False)
        self._otherwise = otherwise

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As `argparse`, with the action put in where it is left out before other words."""
        words = list(args or ())
        if self._otherwise is not None:
            (actions,) = self.subcommands()
            place = next((place for place, word in enumerate(words) if not word.startswith("-")), None)
            if place is not None and words[place] not in actions.choices:
                words.insert(place, self._otherwise)
        self._given = words
        return super().parse_known_args(words, namespace)

    def subcommands(self) -> list[argparse._SubParsersAction[Any]]:
        """The action that holds the parsers of subcommands, in a list; an empty one where there are none."""
        return [action for action in self._actions if isinstance(action, argparse._SubParsersAction)]

    def each(self) -> Iterator[Parser]:
        """This parser and those of its subcommands."""
        yield self
        for action in self.subcommands():
            for inner in action.choices.values():
                yield from inner.each()

    def sections(self) -> list[tuple[str, list[argparse.Action]]]:
        """Titles and options as help lists them: arguments, options by group, then what most commands share."""
        shown = [action for action in self._actions if action.help is not argparse.SUPPRESS]
        general = [action for name in _GENERAL for action in shown if action.dest == name and action.option_strings]
        groups = [(group.title or "", [each for each in group._group_actions if each in shown]) for group in self._action_groups]
        own = [(_TITLES.get(title, title), [each for each in actions if each not in general]) for title, actions in groups]
        return [*((title, actions) for title, actions in own if actions), ("general options", general)]

    def usage_text(self) -> str:
        """The command line in short: required options, the word `[options]`, arguments."""
        named = [action for action in self._actions if action.option_strings]
        words = [self.prog, *(f"{_shortest(each)} {each.metavar or each.dest.upper()}" for each in named if each.required)]
        words.append("[options]")
        for action in self._actions:
            if not action.option_strings:
                words.append(_positional(action))
        return " ".join(words)

    def format_usage(self) -> str:
        """Only the usage."""
        return usage_line(self.usage_text(), help_width()) + "\n"

    def format_help(self) -> str:
        """Usage, description with examples, arguments and options."""
        formatter = self._get_formatter()
        for title, actions in self.sections():
            formatter.start_section(title)
            formatter.add_arguments(actions)
            formatter.end_section()
        parts = [self.format_usage(), laid_out(self.description or "", help_width()), formatter.format_help()]
        return "\n".join(part.strip("\n") + "\n" for part in parts if part)

    def error(self, message: str) -> NoReturn:
        """Refuse a command line.

        Raises:
            UsageError: always; what `argparse` said, in our words, with the nearest spelling or the way to the help.
        """
        raise UsageError(self._refusal(message))

    def _refusal(self, message: str) -> str:
        manual = f"`{self.prog} --help` shows the usage"
        if message.startswith(_REQUIRED):
            # a mistyped option is why the right one is missing
            if (word := self._first_unknown_option(self._given)) is not None:
                return self._unknown_word(word, manual)
            names = [name.rpartition("/")[2] for name in message.removeprefix(_REQUIRED).split(", ")]
            missing = alternatives(ticked(names)).replace(" or ", " and ")
            return f"{missing} {'is' if len(names) == 1 else 'are'} missing; {manual}"
        if found := re.fullmatch(r"unrecognized arguments: (.*)", message, re.DOTALL):
            return self._unknown_word(found[1].split(" ")[0], manual)
        if found := re.fullmatch(r"argument (.*?): (.*)", message, re.DOTALL):
            return self._wrong_value(found[1], found[2], manual)
        return f"{message}; {manual}"

    def _first_unknown_option(self, words: Sequence[str]) -> str | None:
        options = (word for word in words if word.startswith("--") and word != "--")
        return next((word for word in options if word.partition("=")[0] not in self._option_string_actions), None)

    def _unknown_word(self, word: str, manual: str) -> str:
        if not word.startswith("-"):
            return f"unexpected argument `{word}`; {manual}"
        name = word.partition("=")[0]
        for parser in self.each():
            if name in parser._option_string_actions:
                return f"`{name}` is an option of `{parser.prog}`; `{parser.prog} --help` shows the usage"
        own = [option for parser in self.each() for option in parser._option_string_actions]
        question = did_you_mean(name, own)
        return f"unknown option `{name}`; {question or manual}"

    def _wrong_value(self, argument: str, problem: str, manual: str) -> str:
        option = argument.split("/")[-1]
        shown = f"`{option}`" if option.startswith("-") else option
        if found := re.match(r"invalid choice: '(.*?)' \(choose from", problem):
            before = self._given[: self._given.index(found[1])] if found[1] in self._given else []
            if not option.startswith("-") and (word := self._first_unknown_option(before)) is not None:
                return self._unknown_word(word, manual)
            choices = [str(choice) for choice in self._choices(option)]
            kind = "value" if option.startswith("-") else _kind(argument)
            return unknown(kind, found[1], choices, where=f"of {shown}" if option.startswith("-") else "")
        if problem.startswith("expected "):
            return f"{shown} needs {problem.removeprefix('expected ').replace('one argument', 'a value')}; {manual}"
        if found := re.fullmatch(r"not allowed with argument (.*)", problem):
            return f"{shown} and `{found[1].split('/')[-1]}` exclude each other; {manual}"
        if found := re.fullmatch(r"invalid (\w+) value: '(.*)'", problem, re.DOTALL):
            kinds = {"int": "a whole number", "float": "a number"}
            return f"{shown} is `{found[2]}`, expected {kinds.get(found[1], found[1])}"
        return f"{shown} {problem}"

    def _choices(self, name: str) -> Sequence[Any]:
        for parser in self.each():
            for action in parser._actions:
                if action.choices and (name in action.option_strings or name in (action.metavar, action.dest)):
                    return list(action.choices)
        return []


def usage_line(text: str, width: int) -> str:
    """The first lines of help: how a command is written."""
    return "\n".join(textwrap.wrap(f"usage: {text}", width, subsequent_indent=" " * 7, break_on_hyphens=False))


def add_actions(
    parser: argparse.ArgumentParser,
    actions: Mapping[str, tuple[str, Callable[[argparse.ArgumentParser], None]]],
    *,
    dest: str = "action",
    metavar: str = "ACTION",
    is_required: bool = True,
) -> None:
    """Give a command subcommands.

    Args:
        parser: of the command.
        actions: by name, the help text, whose first sentence is the summary, and what adds its arguments.
        dest, metavar: what the choice is called in the namespace and in help texts.
        is_required: whether the command does nothing without one.
    """
    from mlebench.cli.options import add_volume

    inner = parser.add_subparsers(dest=dest, required=is_required, metavar=metavar, title=f"{metavar.lower()}s",
                                  parser_class=Parser)  # fmt: skip
    before = {action.dest for action in parser._actions} | {"quiet", "verbose"}
    for name, (text, configure) in actions.items():
        single = inner.add_parser(name, help=summary(text), description=text)
        configure(single)
        add_volume(single)
        for action in single._actions:
            if action.dest in before:
                # left out of the namespace unless given here, so that those given before the action hold
                action.default = argparse.SUPPRESS


def summary(text: str) -> str:
    """The first sentence of a help text, as lists show it: a small letter first, no full stop."""
    first = " ".join(text.strip().partition("\n\n")[0].split()).rstrip(".")
    return first[:1].lower() + first[1:]


def examples_of(text: str) -> list[str]:
    """The command lines of a help text, each whole."""
    lines = text.partition("examples:")[2].strip("\n").splitlines()
    block = [line for line in lines if line.startswith("  ") or not line.strip()]
    return [line.strip() for line in block if line.strip()]


def laid_out(text: str, width: int) -> str:
    """A help text in `width` columns; indented lines are commands and stay on lines of their own."""
    parts: list[str] = []
    for block in textwrap.dedent(text).strip("\n").split("\n\n"):
        prose: list[str] = []
        lines: list[str] = []
        for line in block.splitlines():
            if line.startswith(" ") or line.endswith(":"):
                lines += [*_filled(prose, width), *_broken(line, width)]
                prose = []
            else:
                prose.append(line)
        parts.append("\n".join([*lines, *_filled(prose, width)]))
    return "\n\n".join(parts)


def _filled(lines: Sequence[str], width: int) -> list[str]:
    return textwrap.wrap(" ".join(lines), width, break_long_words=False, break_on_hyphens=False) if lines else []


def _broken(line: str, width: int) -> list[str]:
    """A command on as many lines as it needs."""
    if len(line) <= width:
        return [line]
    first, *words = _WORDS.findall(line)
    lines = [line[: len(line) - len(line.lstrip())] + first]
    for word in words:
        if len(lines[-1]) + len(word) + len(" ") > width - len(" \\"):
            lines.append(f"     {word}")
        else:
            lines[-1] += f" {word}"
    return [*(f"{part} \\" for part in lines[:-1]), lines[-1]]


def _shortest(action: argparse.Action) -> str:
    return min(action.option_strings, key=len)


def _positional(action: argparse.Action) -> str:
    name = str(action.metavar or (alternatives(list(action.choices)) if action.choices else action.dest))
    if isinstance(action, argparse._SubParsersAction):
        return f"{name} …" if action.required else f"[{name} …]"
    if action.nargs == "+":
        return f"{name}…"
    return {"?": f"[{name}]", "*": f"[{name}…]"}.get(str(action.nargs), name)


def _kind(argument: str) -> str:
    """What a positional argument is called in a sentence."""
    return argument.lower()
