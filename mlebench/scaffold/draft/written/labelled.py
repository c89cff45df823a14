"""The labelled rows of a draft, which may be in a table or be the files in a folder for each class."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from mlebench.scaffold.draft.proposal import Draft
from mlebench.scaffold.draft.written.files import names_in
from mlebench.scaffold.draft.written.tables import Seen, see


def labelled_rows(draft: Draft, raw: Path) -> Seen:
    """The first labelled rows; where a folder for each class has all the files, the names of these with their classes."""
    media = draft.media
    if media is None or media.column is not None:
        return see(raw, draft.train.path, draft.train.member)
    import pandas as pd

    files = [name.removeprefix(media.inside) for name in names_in(raw, media.train, 10**6) if name.startswith(media.inside)]
    ending = media.name.partition("{}")[2]
    rows = [(PurePosixPath(file).name.removesuffix(ending), file.split("/")[0]) for file in files if file.count("/") == 1]
    cells = pd.DataFrame(rows, columns=[draft.ids[0], draft.targets[0].name])
    return Seen(cells, cells)
