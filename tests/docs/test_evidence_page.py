"""What the page on evidence says is what bundles, verification and rules are."""

from __future__ import annotations

import ast
import inspect
import json
import re
import shlex
import shutil
import stat
import subprocess
import zipfile
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from mlebench._support.plain_files import kind_of
from mlebench.cli.main import main
from mlebench.evidence import bundle, contents, rules
from mlebench.evidence.bundle import make_bundle
from mlebench.evidence.contents import PARTS
from mlebench.evidence.names import AGENTS, GROUPS
from mlebench.evidence.rules import Limits, Rules
from mlebench.evidence.signature import signer_of
from mlebench.evidence.statement import STATEMENT_FILE
from mlebench.evidence.verdict import LEVELS
from mlebench.runs.group import Group
from mlebench.runs.group_report import REPORT_FILE, SNAPSHOT_FILE
from mlebench.runs.measures import FILE as MEASURES
from tests.docs.test_pages import options_of, parser, wrong_usage
from tests.evidence.keys import make_key, public
from tests.evidence.toy_group import group, made, root

__all__ = ["group", "made", "root"]

TEXT = (Path(__file__).parents[2] / "docs" / "evidence.md").read_text(encoding="utf-8")
OF_EVERY_COMMAND = {"-h", "--help", "-q", "--quiet", "-v", "--verbose", "--jobs", "--data-dir", "--runs-dir"}


def section(title: str) -> str:
    found: list[str] = re.findall(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", TEXT, flags=re.DOTALL | re.MULTILINE)
    assert len(found) == 1, title
    return found[0]


def blocks(text: str, language: str = "") -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)


def rows(text: str) -> list[list[str]]:
    """The cells of a table, without its head."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def code(text: str) -> list[str]:
    """Pieces of code within the prose."""
    return [
        " ".join(piece.split())
        for piece in re.findall(r"`([^`]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE))
    ]


@pytest.fixture
def bundle_of_group(group: Group, root: Path) -> Path:
    """`results.zip`, signed, with the files of a reader who trusts the key: `allowed_signers` and `somebody.keys`."""
    key = make_key(root / "key")
    (root / "allowed_signers").write_text(f"me@example.org {public(key)}\n")
    (root / "somebody.keys").write_text(f"{public(key)}\n")
    make_bundle([group], root / "results.zip", signer=signer_of(str(key)))
    return root / "results.zip"


class TestLevels:
    def test_they_are_those_of_a_verdict_in_order(self) -> None:
        table = rows(TEXT[: TEXT.index("## Make a bundle")])
        assert [row[0] for row in table] == [f"{number} {name}" for number, name in enumerate(LEVELS, 1)]
        assert all(len(row) == 4 and all(row) for row in table)

    def test_the_answer_that_is_shown_is_the_commands(self, bundle_of_group: Path, capsys: pytest.CaptureFixture[str]) -> None:
        [command] = [line for line in code(TEXT) if line.startswith("mlebench verify results.zip --signer")]
        assert main([*shlex.split(command)[1:], "--json"]) == 0
        verdict = json.loads(capsys.readouterr().out)

        def said(level: dict[str, Any]) -> list[str]:
            return [str(level["level"]), level["name"], level["state"], level["summary"].replace("group:", "my-group:")]

        [shown] = [block for block in blocks(TEXT) if "│" in block]
        lines = [[cell.strip() for cell in line.strip("│").split("│")] for line in shown.splitlines() if line.startswith("│")]
        # the group of tests has more files, some of which no bundle takes
        rest = re.compile(r"^\d+ files|; \d+ more (is|are) present only as a hash")
        assert [[rest.sub("", cell) for cell in line] for line in lines[1:]] == [
            [rest.sub("", cell) for cell in said(level)] for level in verdict["levels"]
        ]
        assert shown.splitlines()[-1] == "All claims hold." and verdict["holds"]


class TestBundles:
    def test_options_are_those_of_the_commands(self) -> None:
        known = {option for name in ("bundle", "verify", "board") for option in options_of(parser(name))}
        named = {
            word
            for piece in [*code(TEXT), *blocks(TEXT), *blocks(TEXT, "yaml")]
            for word in re.findall(r"(?<!\S)--[a-z-]+", piece)
        }
        assert named - known == set()
        for name in ("bundle", "verify"):
            missing = set(options_of(parser(name))) - named - OF_EVERY_COMMAND - {"-o", "--output", "--force", "--no-check"}
            assert missing == set(), name

    def test_reasons_to_stand_by_hash_are_all_that_there_are(self) -> None:
        table = rows(section("Make a bundle"))
        kinds = {kind_of(kind) for kind in (stat.S_IFLNK, stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFBLK)}
        assert set(code(" ".join(row[0] for row in table))) == {*PARTS, *kinds, *_reasons()}
        for row in table:
            assert not {option for option in code(row[1]) if option.startswith("--")} - set(options_of(parser("bundle")))

    def test_files_of_a_group_are_all_that_there_are(self) -> None:
        [named] = re.findall(r"mirrors a run group \((.*?)\)", section("The format"), flags=re.DOTALL)
        folders = {f"{name}/" for name in (*contents._FOLDERS, contents.ATTEMPTS)}
        assert set(code(named)) == {
            contents.GROUP_FILE,
            REPORT_FILE,
            SNAPSHOT_FILE,
            contents._LOG,
            *contents._RECORDS,
            MEASURES,
            *folders,
        }
        for name in (f"{GROUPS}/GROUP/", f"{AGENTS}/GROUP/", STATEMENT_FILE):
            assert f"`{name}`" in section("The format")

    def test_standard_tools_check_one(self, bundle_of_group: Path, root: Path) -> None:
        done = _by_standard_tools(root)
        assert done.returncode == 0, done.stderr
        assert 'Good "mlebench" signature for me@example.org' in done.stdout
        assert "groups/group/toy-a_seed0/run.json" in done.stdout

    @pytest.mark.parametrize("change", ["file", "added", "signature"])
    def test_standard_tools_find_what_is_not_as_stated(self, bundle_of_group: Path, root: Path, change: str) -> None:
        with zipfile.ZipFile(bundle_of_group) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
        if change == "file":
            files["groups/group/toy-a_seed0/run.json"] += b" "
        if change == "added":
            files["groups/group/more.txt"] = b"more"
        if change == "signature":
            (root / "allowed_signers").write_text(f"me@example.org {public(make_key(root / 'other'))}\n")
        with zipfile.ZipFile(bundle_of_group, "w") as archive:
            for name in sorted(files, key=lambda name: (name == STATEMENT_FILE, name)):
                archive.writestr(name, files[name])
        assert _by_standard_tools(root).returncode != 0


def _by_standard_tools(folder: Path) -> subprocess.CompletedProcess[str]:
    """The page's commands, the first that fails ending them."""
    [script] = blocks(section("The format"))
    for tool in ("bash", "unzip", "python3", "sha256sum", "diff"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    return subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", script], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


def _reasons() -> Iterator[str]:
    """Every word by which the code lets a file stand by its hash, but for parts and kinds of no files."""
    trees = [ast.parse(inspect.getsource(module)) for module in (bundle, contents)]
    for node in chain.from_iterable(map(ast.walk, trees)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "LeftOut":
            yield from _words(node.args[1])
        elif isinstance(node, ast.FunctionDef) and node.name in ("_reason", "_reason_within"):
            returned = [inner.value for inner in ast.walk(node) if isinstance(inner, ast.Return) and inner.value]
            yield from chain.from_iterable(map(_words, returned))
        elif isinstance(node, ast.FunctionDef) and node.name == "cannot_read":
            tables = [inner for inner in ast.walk(node) if isinstance(inner, ast.Dict)]
            yield from chain.from_iterable(_words(value) for table in tables for value in table.values)


def _words(node: ast.expr) -> Iterator[str]:
    """The texts that an expression may come to: what it compares is none of them."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    for inner in ast.iter_child_nodes(node):
        if isinstance(inner, ast.expr) and not isinstance(inner, ast.Compare):
            yield from _words(inner)


RULES = rows(section("Rules"))


class TestRules:
    def test_keys_are_all_that_there_are(self) -> None:
        assert [name for row in RULES for name in code(row[0])] == list(Rules.model_fields)

    def test_values_are_all_that_there_are(self) -> None:
        for row in RULES:
            [name, *_] = code(row[0])
            if name == "limits":
                assert code(row[1]) == list(Limits.model_fields)
            elif (allowed := set(_literals(Rules.model_fields[name].annotation))) and (named := set(code(row[1]))):
                assert named == allowed, name

    def test_what_is_left_out_is_what_the_code_takes(self) -> None:
        for row in RULES:
            name, default = code(row[0])[0], Rules().model_dump()[code(row[0])[0]]
            if named := code(row[2]):
                assert named == ([default] if isinstance(default, str) else list(default)), name
            elif row[2].isdigit():
                assert int(row[2]) == default, name
            elif row[2] in ("both", "all"):
                assert set(default) == set(_literals(Rules.model_fields[name].annotation)), name
            elif name != "name":
                assert row[2].startswith("no") and not (any(default.values()) if isinstance(default, dict) else default), name

    def test_sets_that_come_with_the_harness_are_named(self) -> None:
        for name in rules.rule_sets():
            assert f"`{name}`" in section("Rules")


def _literals(annotation: Any) -> Iterator[str]:
    for inner in get_args(annotation):
        if isinstance(inner, str):
            yield inner
        else:
            yield from _literals(inner)


[WORKFLOW] = [yaml.safe_load(block) for block in blocks(section("A board"), "yaml")]
STEPS = WORKFLOW["jobs"]["board"]["steps"]
COMMANDS = [step["run"] for step in STEPS if "run" in step]


class TestBoard:
    def test_the_workflow_reads_and_has_no_secret(self) -> None:
        assert WORKFLOW["permissions"] == {"contents": "read"}
        # YAML 1.1 takes the word `on` for true
        assert WORKFLOW[True] == "pull_request" and "secrets." not in section("A board")
        assert all(("uses" in step) != ("run" in step) for step in STEPS)
        # words of a pull request become no part of a command
        assert not any("${{" in command for command in COMMANDS)

    def test_its_commands_are_ones_that_exist(self) -> None:
        own = [command for command in COMMANDS if command.startswith("mlebench ")]
        assert own and {wrong_usage(command, is_whole=True) for command in own} == {None}
        assert [command for command in COMMANDS if command not in own] == ["pip install mlebench"]

    def test_it_makes_the_site_that_it_uploads(self, bundle_of_group: Path, root: Path) -> None:
        [command] = [shlex.split(command) for command in COMMANDS if command.startswith("mlebench ")]
        [trusted] = [step["with"]["path"] for step in STEPS if "ref" in step.get("with", {})]
        (root / trusted).mkdir()
        (root / trusted / "rules.yaml").write_text("sandbox: plain\nmock_data: allow\n")
        shutil.copy(root / "allowed_signers", root / trusted)
        (root / "bundles").mkdir()
        shutil.move(bundle_of_group, root / "bundles")

        assert main(command[1:]) == 0

        [site] = [step["with"]["path"] for step in STEPS if "upload-artifact" in step.get("uses", "")]
        assert (root / site / "index.html").is_file()
        (root / trusted / "allowed_signers").write_text(f"me@example.org {public(make_key(root / 'other'))}\n")
        assert main(command[1:]) == 1
