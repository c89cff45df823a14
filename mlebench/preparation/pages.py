"""The competition's own task pages, kept for people; agents get the task text of this project."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench._support.folders import PARTIAL, put_in_place
from mlebench.errors import UsageError, WorkFailed
from mlebench.kaggle.patience import Patience

if TYPE_CHECKING:
    from mlebench.kaggle.transfer import Transfer
    from mlebench.registry import Competition

_TASK_PAGES = ("description", "evaluation", "data-description")
_INDEX = "pages.json"


def pages_folder(competition: Competition) -> Path:
    """Where a competition's pages lie: outside the prepared data, which agents see."""
    return competition.root / "kaggle-pages"


def fetch_pages(competition: Competition, transfer: Transfer | None = None) -> Path:
    """Keep all published pages of a competition (overview, evaluation, data, …), one file each; those kept before are replaced.

    Returns:
        The folder with the pages.

    Raises:
        UsageError: without credentials, or for a competition that is not on Kaggle.
        WorkFailed: if Kaggle has no pages, or fails for too long.
    """
    from mlebench.kaggle.client import KaggleService
    from mlebench.kaggle.transfer import Transfer

    if competition.facts.kaggle is None:
        raise UsageError(f"{competition.id} is not on Kaggle; `mlebench info {competition.id}` shows its task")
    pages = KaggleService().pages(competition.id, Patience((transfer or Transfer()).patience))
    if not pages:
        raise WorkFailed(f"Kaggle shows no pages of {competition.id}")
    competition.root.mkdir(parents=True, exist_ok=True)
    target = pages_folder(competition)
    with tempfile.TemporaryDirectory(prefix=PARTIAL, dir=competition.root, ignore_cleanup_errors=True) as folder:
        new = Path(folder) / "new"
        new.mkdir()
        index = {}
        for page in pages:
            name = f"{_file_name(page.name)}{'.html' if 'html' in (page.mime_type or '') else '.md'}"
            (new / name).write_text(page.content or "", encoding="utf-8")
            index[page.name] = name
        (new / _INDEX).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
        put_in_place(new, target)
    return target


def task_text(competition: Competition) -> str:
    """The task in Kaggle's words: overview, evaluation and data pages, one after the other.

    Raises:
        UsageError: if the pages are not there.
    """
    folder = pages_folder(competition)
    try:
        index: dict[str, str] = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
        wanted = [name for name in _TASK_PAGES if name in index] or [name for name in index if name != "rules"]
        texts = [(folder / index[name]).read_text(encoding="utf-8") for name in wanted]
    except (OSError, ValueError):
        texts = []
    if not texts:
        raise UsageError(
            f"Kaggle's pages of {competition.id} are missing; fetch them with `mlebench prepare {competition.id} --kaggle-pages`"
        )
    return "\n\n".join(texts)


def _file_name(name: str) -> str:
    return re.sub(r"[^a-z0-9-]+", "-", name.lower()).strip("-") or "page"
