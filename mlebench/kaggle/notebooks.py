"""The public notebooks of a competition, fetched with the user's account, so that the code of runs can be compared with them.

They are the work of others: they stay in the data directory, agents never see them, and a `.gitignore` keeps them out of
repositories.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlebench._support.files import read_text, write_json, write_text
from mlebench.errors import NotOnKaggle, UsageError, WorkFailed
from mlebench.kaggle.patience import Patience

if TYPE_CHECKING:
    from mlebench.kaggle.client import KaggleService
    from mlebench.kaggle.transfer import Transfer
    from mlebench.registry import Competition

INDEX = "notebooks.json"
ORDERS = {
    "voteCount": "VOTE_COUNT",
    "scoreDescending": "SCORE_DESCENDING",
    "scoreAscending": "SCORE_ASCENDING",
    "hotness": "HOTNESS",
    "viewCount": "VIEW_COUNT",
    "commentCount": "COMMENT_COUNT",
    "dateCreated": "DATE_CREATED",
    "dateRun": "DATE_RUN",
}
"""What notebooks may be sorted by, as the `kaggle` client calls it and as the SDK does."""
LARGEST = 64 * 2**20
"""Characters of the largest notebook that is kept, its outputs included."""
_LONGEST_TITLE = 300
_REF = re.compile(r"(?:.*/)?([A-Za-z0-9][A-Za-z0-9_-]{0,99})/([A-Za-z0-9][A-Za-z0-9_-]{0,199})")
_ENDINGS = {"python": ".py", "r": ".R", "rmarkdown": ".Rmd", "julia": ".jl", "sqlite": ".sql"}


@dataclass(frozen=True)
class Notebook:
    """A notebook or script that is in the folder."""

    ref: str
    """Owner and name, as in its address."""
    title: str
    votes: int
    url: str
    language: str
    last_run: str
    """When its author ran it last, ISO 8601; empty if Kaggle does not tell."""
    file: str
    """Name in the folder."""
    sha256: str
    licence: str = "unknown"
    """The API does not tell it; most are under Apache 2.0."""


@dataclass(frozen=True)
class FetchedNotebooks:
    """What a folder holds now."""

    folder: Path
    notebooks: Sequence[Notebook]
    """In the order asked for."""
    fetched: int
    """How many of them are new or have changed."""
    refused: Sequence[str]
    """Sentences about those that could not be got."""


def notebooks_folder(competition: Competition) -> Path:
    """Where a competition's notebooks lie by default: outside the prepared data, which agents see."""
    return competition.root / "notebooks"


def fetch_notebooks(
    competition: Competition,
    folder: Path | None = None,
    *,
    number: int = 20,
    sort_by: str = "voteCount",
    transfer: Transfer | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> FetchedNotebooks:
    """Get the first public notebooks and scripts of a competition; unchanged ones are not fetched again.

    Args:
        competition: one that is on Kaggle.
        folder: where to write them, as `owner__name.ipynb` or `.py`; by default `notebooks_folder`.
        number: how many, at least 1.
        sort_by: a key of `ORDERS`.
        transfer: how patiently.
        tell: gets a line before each notebook.

    Raises:
        UsageError: without credentials, for a competition that is not on Kaggle, or a folder that agents see.
        WorkFailed: if Kaggle shows none, or fails for too long.
    """
    from mlebench.kaggle.client import KaggleService
    from mlebench.kaggle.transfer import Transfer

    if competition.facts.kaggle is None:
        raise UsageError(f"{competition.id} is not on Kaggle and therefore has no notebooks")
    folder = folder or notebooks_folder(competition)
    _refuse_public(folder, competition)
    patience = Patience((transfer or Transfer()).patience, tell=tell)
    service = KaggleService()
    listed = _listed(service, competition, number, sort_by, patience)
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / ".gitignore", "*\n")
    return _fetch(service, listed, folder, competition.id, sort_by, patience, tell)


def _refuse_public(folder: Path, competition: Competition) -> None:
    place, data = folder.resolve(), competition.data_dir.resolve()
    if place.is_relative_to(data) and {"prepared", "prepared-v2", "raw"}.intersection(place.relative_to(data).parts[1:2]):
        raise UsageError(f"{folder} is part of a competition's data, which agents see; choose another folder with -o")


def _listed(service: KaggleService, competition: Competition, number: int, sort_by: str, patience: Patience) -> list[Any]:
    try:
        found = service.notebooks(competition.id, ORDERS[sort_by], patience)
        listed = list(islice((entry for entry in found if entry is not None and not entry.is_private), number))
    except NotOnKaggle as error:
        raise WorkFailed(str(error)) from None
    if not listed:
        raise WorkFailed(f"Kaggle shows no public notebooks of {competition.id}")
    return listed


def _fetch(
    service: KaggleService,
    listed: Iterable[Any],
    folder: Path,
    competition_id: str,
    sort_by: str,
    patience: Patience,
    tell: Callable[[str], None],
) -> FetchedNotebooks:
    known = _known(folder)
    there: dict[str, Notebook] = {}
    refused: list[str] = []
    fetched = 0
    for entry in listed:
        ref = str(entry.ref)
        if (kept := known.get(ref)) is not None and _is_current(kept, entry, folder):
            there[ref] = kept
            continue
        tell(f"fetches {ref[:_LONGEST_TITLE]}")
        try:
            there[ref] = known[ref] = _fetch_one(service, entry, folder, patience)
            fetched += 1
        except (NotOnKaggle, _Unusable) as error:
            refused.append(str(error))
            continue
        # after each, so that what is interrupted goes on from here; those fetched before stay listed
        _write_index(folder, competition_id, sort_by, there | {ref: known[ref] for ref in known if ref not in there})
    _write_index(folder, competition_id, sort_by, there | {ref: known[ref] for ref in known if ref not in there})
    if not there:
        raise WorkFailed(f"no notebook of {competition_id} could be fetched: {refused[0]}")
    return FetchedNotebooks(folder, list(there.values()), fetched, refused)


class _Unusable(Exception):
    """A notebook that is not kept."""


def _fetch_one(service: KaggleService, entry: Any, folder: Path, patience: Patience) -> Notebook:
    named = _REF.fullmatch(str(entry.ref))
    if named is None:
        raise _Unusable(f"{str(entry.ref)[:_LONGEST_TITLE]!r} is not a notebook name")
    owner, name = named.groups()
    blob = service.notebook(owner, name, patience)
    source, language = str(blob.source or ""), str(blob.language or entry.language or "").lower()
    if not source.strip() or len(source) > LARGEST:
        raise _Unusable(f"{owner}/{name} is {'empty' if not source.strip() else 'too large'}")
    is_notebook = "notebook" in str(blob.kernel_type or entry.kernel_type or "").lower()
    file = f"{owner}__{name}{'.ipynb' if is_notebook else _ENDINGS.get(language, '.py')}"
    write_text(folder / file, source)
    return Notebook(
        ref=str(entry.ref),
        title=str(entry.title or "")[:_LONGEST_TITLE],
        votes=int(entry.total_votes or 0),
        url=f"https://www.kaggle.com/code/{owner}/{name}",
        language=language[:_LONGEST_TITLE],
        last_run=_last_run(entry),
        file=file,
        sha256=_sha256(folder / file),
    )


def _last_run(entry: Any) -> str:
    return entry.last_run_time.isoformat() if entry.last_run_time else ""


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _is_current(kept: Notebook, entry: Any, folder: Path) -> bool:
    """Whether the file is whole and its author has not run it since."""
    try:
        return kept.last_run == _last_run(entry) and _sha256(folder / kept.file) == kept.sha256
    except OSError:
        return False


def _known(folder: Path) -> dict[str, Notebook]:
    """What the index of a folder lists."""
    if not (folder / INDEX).exists():
        return {}
    try:
        entries = json.loads(read_text(folder / INDEX, "remove it to fetch the notebooks again"))["notebooks"]
        found = [Notebook(**entry) for entry in entries]
        return {notebook.ref: notebook for notebook in found if Path(notebook.file).name == notebook.file}
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}


def _write_index(folder: Path, competition_id: str, sort_by: str, notebooks: dict[str, Notebook]) -> None:
    document = {
        "competition": competition_id,
        "sorted_by": sort_by,
        "fetched_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "notebooks": [asdict(notebook) for notebook in notebooks.values()],
    }
    write_json(folder / INDEX, document)
