"""The page of commands is what the parsers say."""

from __future__ import annotations

from pathlib import Path

from mlebench.cli.main import COMMANDS
from mlebench.cli.reference import reference_page

PAGE = Path(__file__).parents[2] / "docs" / "commands.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference_page(), "run `python -m mlebench.cli.reference > docs/commands.md`"


def test_every_command_and_action_has_a_section_with_examples() -> None:
    sections = PAGE.read_text(encoding="utf-8").split("\n### ")[1:]
    assert [section.splitlines()[0] for section in sections] == [f"mlebench {name}" for name in COMMANDS]
    parts = [part for section in sections for part in section.split("\n#### ")]
    assert any(part.startswith("mlebench images export\n") for part in parts)
    assert [part.splitlines()[0] for part in parts if "```bash\nmlebench " not in part] == []
