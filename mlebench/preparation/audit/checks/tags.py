"""What the files of test units say about themselves, read once for all checks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mlebench.preparation.audit.case import Case
from mlebench.preparation.audit.checks.files import file_groups
from mlebench.preparation.audit.checks.once import once
from mlebench.preparation.audit.seen.said import said_by

EXTENTS = ("image.", "sound.", "jpeg.quantization", "jpeg.quality", "jpeg.tables")
"""What is named so is the extent or the coding of the content."""
_MOST_TAGS = 400


@once
def tags_of(case: Case, place: int) -> Mapping[str, np.ndarray]:
    """What each file of the group at a place of `file_groups` says, by tag, shape (files,) object, None if it does not.

    Tags that are the same of all files are left out.
    """
    group = file_groups(case)[place]
    places = {file.path: row for row, file in enumerate(group.files)}
    found: dict[str, np.ndarray] = {}
    for file, said in said_by(group.files, case.seen, jobs=case.jobs):
        for name, value in said.items():
            if name in found or len(found) < _MOST_TAGS:
                found.setdefault(name, np.full(len(group.files), None, dtype=object))[places[file.path]] = value
    return {name: cells for name, cells in found.items() if len({*cells}) > 1}
