"""What the documents say is what the project holds."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from mlebench.cli.main import COMMANDS

ROOT = Path(__file__).parents[1]
spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
assert spec and spec.loader
generate = importlib.util.module_from_spec(spec)
spec.loader.exec_module(generate)

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_readmes_table_of_competitions_is_up_to_date() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "spaceship-titanic" in readme
    assert generate.readme_with_table(readme) == readme


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_files_that_a_page_names_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for command in re.findall(r"(?:^|`|\n)\s*mlebench ([a-z][a-z-]*)", text):
        assert command in COMMANDS, f"{page.name} names `mlebench {command}`"
    for path in re.findall(r"`((?:mlebench|grading|competitions|tests|benchmarks|containers)/[A-Za-z0-9_./-]+)`", text):
        assert (ROOT / path).exists() or "<" in path or path.startswith("mlebench/_bundled"), f"{page.name} names {path}"


def test_generated_pages_hold_every_issue_and_metric() -> None:
    assert "travel group" in generate.known_issues()
    assert "roc_auc(truth, prediction)" in generate.metrics_page()
