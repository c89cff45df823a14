"""What pages show as output is what their commands print, and their pictures show the same."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
spec = importlib.util.spec_from_file_location("outputs", ROOT / "docs" / "outputs.py")
assert spec and spec.loader
outputs = importlib.util.module_from_spec(spec)
spec.loader.exec_module(outputs)


@pytest.mark.parametrize("page", outputs.pages(), ids=lambda page: page.name)
def test_a_pages_commands_run_and_print_what_it_shows(page: Path) -> None:
    for path, content in outputs.rendered(page).items():
        assert path.read_text(encoding="utf-8") == content, f"run `python docs/outputs.py {page.relative_to(ROOT)}`"


def test_the_pages_for_new_users_are_among_them() -> None:
    assert {"README.md", "index.md", "cost.md"} <= {page.name for page in outputs.pages()}


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return tmp_path / "page.md"


def rendered(page: Path, text: str) -> str:
    page.write_text(text, encoding="utf-8")
    content: str = outputs.rendered(page)[page]
    return content


def test_an_output_is_filled_in(page: Path) -> None:
    assert rendered(page, "<!-- output: echo one -->\n\nText\n") == "<!-- output: echo one -->\n```text\none\n```\n\nText\n"


def test_an_output_follows_the_last_command_of_a_block(page: Path) -> None:
    text = "<!-- run -->\n```\necho before\necho \\\n  last > file\ncat file\n```\n\n<!-- output -->\n```text\nold\n```\n"
    assert rendered(page, text).endswith("<!-- output -->\n```text\nlast\n```\n")


def test_commands_share_the_folder_of_their_page(page: Path) -> None:
    assert "```text\none\n```" in rendered(page, "<!-- run: echo one > file -->\n\n<!-- output: cat file -->\n")


def test_indentation_of_a_block_in_a_list_stays(page: Path) -> None:
    text = "1. Text\n\n   <!-- output: echo two -->\n   ```text\n   one\n   ```\n"
    assert rendered(page, text) == text.replace("one", "two")


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("in 12 s", "in 1 min 3 s"),
        ("score 0.14044", "score 0.14049"),
        ("group 2026-01-31T09-30-00_a", "group 2027-02-01T10-31-02_a"),
        ("sha256:81f1cfc7749128ce", "sha256:0123456789abcdef"),
        ("a    b", "a b"),
        ("sandbox plain", "sandbox bubblewrap"),
    ],
)
def test_what_differs_from_machine_to_machine_stays_as_shown(page: Path, shown: str, printed: str) -> None:
    text = f"<!-- output: echo '{printed}' -->\n```text\n{shown}\n```\n"
    assert rendered(page, text) == text


@pytest.mark.parametrize(("shown", "printed"), [("score 0.14", "score 0.25"), ("valid", "invalid"), ("1 run", "2 runs")])
def test_any_other_difference_is_written(page: Path, shown: str, printed: str) -> None:
    text = f"<!-- output: echo '{printed}' -->\n```text\n{shown}\n```\n"
    assert rendered(page, text) == text.replace(f"\n{shown}\n", f"\n{printed}\n")


def test_a_command_that_fails_is_an_error(page: Path) -> None:
    with pytest.raises(outputs.CommandFailed, match=r"exited \(3\)"):
        rendered(page, "<!-- run -->\n```\necho early; exit 3\n```\n")


def test_commands_see_a_home_without_keys(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    assert "```text\n/home/you none\n```" in rendered(page, '<!-- output: echo "$HOME ${OPENAI_API_KEY:-none}" -->\n')


def test_a_picture_shows_the_command_and_its_output_and_fetches_nothing(page: Path) -> None:
    page.write_text("<!-- picture: printf '%s\\n' one 'two  <3' -->\n![Two lines](two.svg)\n", encoding="utf-8")
    picture = page.parent / "two.svg"
    drawn = outputs.rendered(page)[picture]
    assert outputs._text_of(drawn).splitlines()[1:3] == ["one", "two  <3"]
    assert "@font-face" not in drawn
    picture.write_text(drawn, encoding="utf-8")
    assert outputs.rendered(page)[picture] == drawn
