"""Writes the folder of a drafted competition."""

from __future__ import annotations

from pathlib import Path

from mlebench._support.files import write_text
from mlebench.errors import UsageError
from mlebench.scaffold.draft.facts_file import facts_source, leaderboard_source
from mlebench.scaffold.draft.grade_file import classes_source, grade_source
from mlebench.scaffold.draft.prepare_file import prepare_source
from mlebench.scaffold.draft.proposal import Draft


def write_draft(draft: Draft, folder: Path) -> list[Path]:
    """Write a competition folder; its name is the competition's id.

    Returns:
        The files written.

    Raises:
        UsageError: the folder exists and has files in it, or is called otherwise.
    """
    from mlebench.scaffold.draft.written.description import description_source, licence_note
    from mlebench.scaffold.draft.written.mock import mock_source

    if folder.name != draft.origin.id:
        raise UsageError(f"{folder} has another name than the competition, {draft.origin.id}; choose a folder of that name")
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} exists and is not empty; remove it, or choose another place with --into")
    texts = {
        "competition.yaml": facts_source(draft),
        "prepare.py": prepare_source(draft),
        "grade.py": grade_source(draft),
        "classes.py": classes_source(draft),
        "mock.py": mock_source(draft, draft.raw),
        "description.md": description_source(draft, draft.raw, obfuscated=False),
        "description_obfuscated.md": description_source(draft, draft.raw, obfuscated=True),
        "leaderboard.csv": leaderboard_source(draft),
        "LICENCE.md": licence_note(draft),
    }
    folder.mkdir(parents=True, exist_ok=True)
    written = {folder / name: text for name, text in texts.items() if text is not None}
    for path, text in written.items():
        write_text(path, text)
    return list(written)
