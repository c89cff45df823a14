"""Why a run has no submission: what its folder holds instead of `submission/submission.csv`, for the agent's author."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from grading.printable import printable

_NAME = "submission.csv"
_MOST_LOOKED_AT = 2000
_SHOWN = 3
_PACKED = (".gz", ".zip", ".xz", ".bz2", ".zst", ".7z", ".tar")


def what_is_there(run_dir: Path, left_out: Mapping[str, Any] | None = None) -> str:
    """A clause on what there is instead, with a remedy; contains no absolute path.

    Args:
        run_dir: the run's folder.
        left_out: paths below the run's folder that were not kept, with the reason.
    """
    if reason := (left_out or {}).get(f"submission/{_NAME}"):
        return f"submission/{_NAME} was left out ({printable(str(reason))}); write a plain file of that name"
    if (run_dir / "submission" / _NAME).is_dir():
        return f"submission/{_NAME} is a folder; write the csv file itself under that name"
    found = list(_files(run_dir / "submission"))
    alike = next((name for name in found if name.lower() == _NAME), None)
    if alike:
        return f"submission/ holds {printable(alike)}; name the file {_NAME}, in lower case"
    packed = next((name for name in found if name.lower().startswith(_NAME) and name.lower().endswith(_PACKED)), None)
    if packed:
        return f"submission/ holds {printable(packed)}; write it unpacked, as {_NAME}"
    if found:
        names = ", ".join(printable(name) for name in sorted(found, key=lambda name: (_NAME not in name, name))[:_SHOWN])
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        return f"submission/ holds {names}{more}, but no {_NAME}; write a csv file of that name directly into it"
    if left_out:
        name, reason = next(iter(left_out.items()))
        return f"submission/ is empty, as {printable(name)} was left out ({printable(str(reason))})"
    for folder in ("code", "logs"):
        if elsewhere := next((name for name in _files(run_dir / folder) if name.rpartition("/")[2].lower() == _NAME), None):
            return f"submission/ is empty, and {folder}/ holds {printable(elsewhere)}; write it to $SUBMISSION_DIR/{_NAME}"
    return f"submission/ is empty; write $SUBMISSION_DIR/{_NAME}"


def _files(folder: Path) -> Iterator[str]:
    """Paths of the first files below a folder, including one level of subfolders, relative to it."""
    left = _MOST_LOOKED_AT
    for above in ("", *(_names(folder, folders=True))):
        for name in _names(folder / above, folders=False):
            left -= 1
            if left < 0:
                return
            yield f"{above}/{name}" if above else name


def _names(folder: Path, *, folders: bool) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            chosen = [entry for entry, _ in zip(entries, range(_MOST_LOOKED_AT), strict=False)]
    except OSError:
        return []
    return sorted(entry.name for entry in chosen if entry.is_dir(follow_symlinks=False) == folders)
