"""Help of every command and action, at every width, and what a wrong command line is answered."""

from __future__ import annotations

import importlib
import shlex
from functools import cache

import pytest

from mlebench.cli.main import COMMANDS, command_module, command_parser, main, usage
from mlebench.cli.parsing import Parser, examples_of, laid_out, summary
from mlebench.errors import UsageError


@cache
def parser_of(command: str) -> Parser:
    parser = command_parser(command, importlib.import_module(command_module(command)))
    assert isinstance(parser, Parser)
    return parser


def every_parser() -> list[Parser]:
    return [each for command in COMMANDS for each in parser_of(command).each()]


def test_every_command_and_action_is_among_the_parsers() -> None:
    names = {parser.prog for parser in every_parser()}
    assert {f"mlebench {command}" for command in COMMANDS} <= names
    assert {"mlebench images export", "mlebench export harbor", "mlebench dev write-checkout", "mlebench agents build"} <= names


def test_every_help_text_has_examples_of_its_own_that_the_parsers_take() -> None:
    for parser in every_parser():
        examples = examples_of(parser.description or "")
        assert 1 <= len(examples) <= 5, parser.prog
        own = [line for line in examples if line.startswith(parser.prog)]
        # the word of an action that is the default may be left out
        assert own or parser.prog == "mlebench agents show", parser.prog
        for line in examples:
            program, command, *words = shlex.split(line.partition(" > ")[0])
            assert program == "mlebench", line
            parser_of(command).parse_args(words)


def test_every_option_and_argument_is_described() -> None:
    for parser in every_parser():
        bare = [
            action.dest for _, actions in parser.sections() for action in actions if not action.help and action.dest != "help"
        ]
        assert [name for name in bare if name not in ("action", "format", "source")] == [], parser.prog


@pytest.mark.parametrize("columns", [40, 60, 80, 120, 200])
def test_help_fits_the_terminal(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    for parser in every_parser():
        text = parser.format_help()
        wide = [line for line in text.splitlines() if len(line) > min(max(columns, 40), 100)]
        # a word that is longer than the terminal is not broken
        assert [line for line in wide if len(line.split()) > 2] == [], parser.prog
        assert text.startswith(f"usage: {parser.prog}"[:columns])


def test_a_broken_example_can_still_be_pasted(monkeypatch: pytest.MonkeyPatch) -> None:
    line = "mlebench board bundles/ -o site/ --rules none --name 'Our own results'"
    shown = laid_out(f"What.\n\nexamples:\n  {line}", 40)
    assert max(map(len, shown.splitlines())) <= 40
    assert shlex.split(shown.partition("examples:\n")[2].replace("\\\n", " ")) == shlex.split(line)


def test_options_stand_under_their_purpose_and_those_of_all_commands_last() -> None:
    titles = [title for title, _ in parser_of("run").sections()]
    assert titles == ["arguments", "options", "what to run", "limits", "sandbox and executor", "general options"]
    last = [action.dest for action in parser_of("run").sections()[-1][1]]
    assert last == ["data_dir", "runs_dir", "json", "quiet", "verbose", "help"]


@pytest.mark.parametrize("columns", [40, 60, 80, 120, 200])
def test_the_list_of_commands_fits_the_terminal(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    text = usage()
    listed = " ".join(text.split())
    assert max(len(line) for line in text.splitlines() if "--agent baseline" not in line) <= min(columns, 100)
    assert all(f"{name} {summary}" in listed for name, summary in COMMANDS.items())


def test_the_list_of_commands_is_grouped_and_has_examples() -> None:
    lines = usage().splitlines()
    for line in lines[lines.index("examples:") + 1 :]:
        if line.startswith("  mlebench "):
            _, command, *words = shlex.split(line)
            parser_of(command).parse_args(words)
    assert lines.index("competitions and data:") < lines.index("agents and runs:") < lines.index("results:")


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ([], "usage: mlebench [-q"),
        (["prepare"], "usage: mlebench prepare"),
        (["export", "harbor"], "usage: mlebench export harbor"),
    ],
)
def test_help_of_a_command_is_shown_by_its_name(words: list[str], shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        assert main(["help", *words]) == 0
    except SystemExit as ended:
        assert ended.code == 0
    assert capsys.readouterr().out.startswith(shown)


def test_help_of_an_unknown_command_suggests_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", "exprot"]) == 2
    assert "unknown command `exprot`; did you mean `export`?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("export harbor --wiht-oracle", "unknown option `--wiht-oracle`; did you mean `--with-oracle`?"),
        ("export harbr x", "unknown format `harbr`; did you mean `harbor`?"),
        ("import inspct-log x", "unknown source `inspct-log`; did you mean `inspect-log`?"),
        ("dev wirte-checkout", "unknown action `wirte-checkout`; did you mean `write-checkout`?"),
        ("run --executor lcoal", "unknown value `lcoal` of `--executor`; did you mean `local`?"),
        ("completion bsh", "unknown shell `bsh`; did you mean `bash`?"),
        ("images build --gpu --base x", "`--base` and `--gpu` exclude each other"),
        ("mock x --out", "`--out` needs a value"),
        ("mock x", "`--out` is missing"),
        ("mock x --uot y", "unknown option `--uot`; did you mean `--out`?"),
        ("mock x --out y --size many", "`--size` is `many`, expected a whole number"),
        ("info a b", "unexpected argument `b`"),
        ("images export d --gpu", "`--gpu` is an option of `mlebench images build`"),
    ],
)
def test_a_wrong_line_is_answered_with_what_to_write(words: str, told: str) -> None:
    command, *rest = words.split()
    with pytest.raises(UsageError) as refused:
        parser_of(command).parse_args(rest)
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


def test_an_option_before_the_action_holds_for_it() -> None:
    assert parser_of("agents").parse_args(["--json", "build", "--all"]).json
    assert parser_of("images").parse_args(["build", "--json"]).json
    assert not parser_of("images").parse_args(["build"]).json
    assert parser_of("export").parse_args(["-q", "atif", "x"]).quiet
    assert parser_of("models").parse_args(["--models", "a.yaml", "check", "m"]).models == ["a.yaml"]


def test_a_summary_is_the_first_sentence() -> None:
    assert summary("Build the base\nimage.\n\nMore.") == "build the base image"
