"""Code that is so common that sharing it means nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from mlebench.evidence.review.similarity.code_set import CodeSet

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FEWEST, SHARE = 4, 0.2
"""Code shared by this many notebooks of a folder, and by this share of them, counts as common."""
_FEWEST_COMPETITIONS = 3
_COPIES = 0.6
"""Similarity from which two notebooks are copies of one."""


def boilerplate(runs: Sequence[CodeSet], notebooks: Sequence[CodeSet]) -> NDArray[np.uint64]:
    """Hashes that are common to many notebooks, or to a group's runs of most of its competitions.

    Copies of one notebook, such as forks of the most voted one, count as one; otherwise copies of the most popular notebook would
    never be found.

    Returns:
        shape (n,), each once.
    """
    import numpy as np

    folders: dict[str, list[CodeSet]] = defaultdict(list)
    for notebook in notebooks:
        folders[PurePosixPath(notebook.side.name).parent.as_posix()].append(notebook)
    found = [_common_to_notebooks(inside) for inside in folders.values()]
    groups: dict[str, dict[str, list[CodeSet]]] = defaultdict(lambda: defaultdict(list))
    for run in runs:
        groups[run.side.group][run.side.competition_id].append(run)
    found += [_common_to_competitions(list(competitions.values())) for competitions in groups.values()]
    return np.unique(np.concatenate([np.zeros(0, np.uint64), *found]))


def _common_to_notebooks(notebooks: Sequence[CodeSet]) -> NDArray[np.uint64]:
    """Of one folder."""
    import numpy as np
    from scipy.sparse.csgraph import connected_components

    hashes, having = presence([notebook.prints.hashes for notebook in notebooks])
    both = (having @ having.T).tocoo()
    sizes = np.asarray(having.sum(axis=1)).ravel()
    alike = 2 * both.data >= _COPIES * (sizes[both.row] + sizes[both.col])
    links = _matrix(np.ones(int(alike.sum())), both.row[alike], both.col[alike], (len(notebooks), len(notebooks)))
    count, originals = connected_components(links, directed=False)
    grouped = _matrix(np.ones(len(notebooks)), originals, np.arange(len(notebooks)), (count, len(notebooks))) @ having
    common: NDArray[np.uint64] = hashes[_columns(grouped) >= max(FEWEST, SHARE * count)]
    return common


def _common_to_competitions(competitions: Sequence[Sequence[CodeSet]]) -> NDArray[np.uint64]:
    """Of one group."""
    import numpy as np

    if len(competitions) < _FEWEST_COMPETITIONS:
        return np.zeros(0, np.uint64)
    hashes, having = presence([np.concatenate([run.prints.hashes for run in runs]) for runs in competitions])
    return hashes[_columns(having) >= max(_FEWEST_COMPETITIONS, len(competitions) / 2)]


def presence(sides: Sequence[NDArray[np.uint64]]) -> tuple[NDArray[np.uint64], Any]:
    """Which side has which hash.

    Returns:
        All hashes, shape (m,), and a sparse matrix of shape (sides, m): 1 where the side has the hash.
    """
    import numpy as np

    each = [np.unique(hashes) for hashes in sides]
    hashes, columns = np.unique(np.concatenate([np.zeros(0, np.uint64), *each]), return_inverse=True)
    rows = np.repeat(np.arange(len(each)), [len(own) for own in each])
    return hashes, _matrix(np.ones(len(rows)), rows, columns, (len(sides), len(hashes)))


def _columns(matrix: Any) -> NDArray[np.int64]:
    """How many rows have something in each column."""
    import numpy as np

    counts: NDArray[np.int64] = np.diff(matrix.tocsc().indptr)
    return counts


def _matrix(values: Any, rows: Any, columns: Any, shape: tuple[int, int]) -> Any:
    from scipy.sparse import csr_matrix

    return csr_matrix((values, (rows, columns)), shape=shape)
