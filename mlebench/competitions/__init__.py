"""Where code of competitions written for the published harness finds its own folder and what these share.

`from mlebench.competitions.my_competition.classes import CLASSES` finds the folder `my_competition` in the folders of
`MLEBENCH_COMPETITIONS_PATH`; `mlebench.competitions.utils` is part of this package.
"""

from __future__ import annotations

from collections.abc import Iterator

from mlebench.registry.content import homes


class _Homes(list[str]):
    """This package's folder, then those that competitions are looked for in at that moment."""

    def __iter__(self) -> Iterator[str]:
        yield from super().__iter__()
        yield from homes()


__path__ = _Homes(__path__)
