"""What the documents say is what the project holds."""

from __future__ import annotations

import argparse
import ast
import importlib
import importlib.util
import inspect
import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import asdict
from functools import cache
from pathlib import Path
from pkgutil import resolve_name

import pytest
import yaml

from mlebench._support.version import VERSION
from mlebench.cli.main import COMMANDS, command_module, command_parser
from mlebench.errors import UsageError
from mlebench.registry import SPLITS, Registry
from mlebench.runs import measures

ROOT = Path(__file__).parents[2]
spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
assert spec and spec.loader
generate = importlib.util.module_from_spec(spec)
spec.loader.exec_module(generate)

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md"))]
OPTIONS_OF_OTHERS = {"--help"}


def each_page(test: object) -> object:
    return pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)(test)


@cache
def parser(command: str) -> argparse.ArgumentParser:
    return command_parser(command, importlib.import_module(command_module(command)))


def code(text: str) -> Iterator[tuple[str, bool]]:
    """Lines of code blocks and pieces of code within lines, each with whether it is a whole line."""
    for block in re.findall(r"^ *```.*?\n(.*?)^ *```", text, flags=re.DOTALL | re.MULTILINE):
        yield from ((line.strip(), True) for line in block.replace("\\\n", " ").splitlines())
    prose = re.sub(r"^ *```.*?^ *```", "", text, flags=re.DOTALL | re.MULTILINE)
    yield from ((" ".join(piece.split()), False) for piece in re.findall(r"`([^`]+)`", prose))


def wrong_usage(line: str, *, is_whole: bool) -> str | None:
    """What the command's own parser says against a line; one that stands within a text may leave words out."""
    _, command, *words = [word.strip("[]") for word in shlex.split(line, comments=is_whole) if word != "…"]
    if command == "COMMAND" or command.startswith("--"):
        return None
    if command not in COMMANDS:
        return f"there is no command {command}"
    try:
        parser(command).parse_args(words)
    except UsageError as error:
        return None if not is_whole and " missing; " in str(error) else str(error)
    return None


@pytest.mark.parametrize("name", generate.PAGES)
def test_a_generated_page_is_up_to_date(name: str) -> None:
    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == generate.PAGES[name](), "run `python docs/generate.py`"


@pytest.mark.parametrize("name", generate.WITH_COSTS)
def test_a_table_of_costs_is_up_to_date(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "| 1,584 |" in text
    assert generate.with_costs(text) == text, "run `python docs/generate.py`"


def test_the_line_of_resources_that_a_page_shows_is_read(tmp_path: Path) -> None:
    [line] = re.findall(r'^\{"at":.*\}$', (ROOT / "docs" / "runs.md").read_text(encoding="utf-8"), re.MULTILINE)
    (tmp_path / measures.FILE).write_text(f"{line}\n", encoding="utf-8")
    [measure] = measures.read_measures(tmp_path)
    [gpu] = measure.gpus
    assert asdict(measure) == {**json.loads(line), "gpus": (asdict(gpu),)}
    assert [asdict(gpu)] == json.loads(line)["gpus"]


def test_the_readme_is_read_in_a_minute() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 120


def test_the_citation_has_what_its_format_requires() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["cff-version"] == "1.2.0"
    assert (citation["version"], citation["license"]) == (VERSION, project["license"])
    [paper] = citation["references"]
    assert {"type", "title", "authors"} <= set(paper)
    assert "2410.07095" in paper["url"]


def test_the_table_of_competitions_holds_every_competition() -> None:
    page = generate.competitions_page()
    names = [*Registry().list_competition_ids("all"), *Registry().list_competition_ids("dev")]
    assert [name for name in names if f"| {name} |" not in page] == []


@each_page
def test_command_lines_of_a_page_are_understood(page: Path) -> None:
    lines = [(line, is_whole) for line, is_whole in code(page.read_text(encoding="utf-8")) if line.startswith("mlebench ")]
    refused = {line: message for line, is_whole in lines if (message := wrong_usage(line, is_whole=is_whole))}
    assert refused == {}


def test_a_wrong_command_line_would_be_noticed() -> None:
    assert wrong_usage("mlebench report runs/A --competition x", is_whole=True)
    assert wrong_usage("mlebench run --sandbox podman …", is_whole=False)
    assert list(code("```\nmlebench a \\\n  b\n```\n`mlebench c\nd`")) == [("mlebench a    b", True), ("mlebench c d", False)]


@each_page
def test_options_that_a_page_names_exist(page: Path) -> None:
    known = {option for command in COMMANDS for option in options_of(parser(command))}
    named = {option for piece, is_whole in code(page.read_text(encoding="utf-8")) if not is_whole
             for option in re.findall(r"^(--[a-z][a-z-]*)", piece)}  # fmt: skip
    assert named - known - OPTIONS_OF_OTHERS == set()


def options_of(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:
        yield from action.option_strings
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from options_of(inner)


@each_page
def test_files_that_a_page_names_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for path in re.findall(r"`((?:mlebench|grading|competitions|tests|benchmarks|containers)/[A-Za-z0-9_./-]+)", text):
        assert (ROOT / path).exists() or "<" in path or path.startswith(("mlebench/_bundled", "mlebench/base")), (
            f"{page.name} names {path}"
        )


@each_page
def test_python_names_that_a_page_names_exist(page: Path) -> None:
    names = re.findall(r"`((?:mlebench|grading)(?:\.[A-Za-z_]\w*)+)[`(]", page.read_text(encoding="utf-8"))
    for name in names:
        resolve_name(name)


@each_page
def test_tests_that_a_page_names_exist(page: Path) -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::([\w:]+)`", page.read_text(encoding="utf-8"))
    assert [f"{path}::{name}" for path, name in named if name not in names_of_tests(ROOT / path)] == []
    assert named or page.name != "security.md"


@cache
def names_of_tests(path: Path) -> set[str]:
    body = ast.parse(path.read_text(encoding="utf-8")).body
    nested = [(f"{group.name}::", group.body) for group in body if isinstance(group, ast.ClassDef)]
    return {
        f"{prefix}{node.name}"
        for prefix, nodes in [("", body), *nested]
        for node in nodes
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def test_the_page_of_known_issues_holds_every_issue() -> None:
    page = generate.known_issues()
    registry = Registry()
    for name in [
        *registry.list_competition_ids(),
        *registry.list_competition_ids("demo"),
        *registry.list_competition_ids("research"),
    ]:
        [section] = re.findall(rf"^## {re.escape(name)}\n(.*?)(?=^## |\Z)", page, flags=re.DOTALL | re.MULTILINE)
        rows = section.splitlines()
        for issue in registry.get_competition(name).issues:
            texts = [" ".join(text.split()).replace("|", "\\|") for text in (issue.v1, issue.v2)]
            assert f"| {issue.kind} | {' | '.join(texts)} |" in rows, f"{name}: {issue.name}"


def test_the_page_of_metrics_holds_every_metric() -> None:
    page = generate.metrics_page()
    assert "roc_auc(truth, prediction)" in page
    for path in (ROOT / "grading" / "metrics").glob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                assert f"### {node.name}\n" in page
                assert inspect.cleandoc(ast.get_docstring(node) or "no docstring") in page, node.name


def test_numbers_that_pages_tell_are_those_of_the_project() -> None:
    counts = {split: len(Registry().list_competition_ids(split)) for split in SPLITS}
    assert (counts["all"], counts["dev"]) == (75, 7)
    sizes = "Splits hold {low} (low), {medium} (medium), {high} (high) and {all} (all) competitions".format(**counts)
    assert sizes in " ".join((ROOT / "docs" / "reports.md").read_text(encoding="utf-8").split())
    classifiers = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["classifiers"]
    versions = [words.split()[-1] for words in classifiers if "Python :: 3." in words]
    for page in (ROOT / "README.md", ROOT / "docs" / "index.md"):
        assert f"Python {versions[0]} to {versions[-1]}" in page.read_text(encoding="utf-8")
