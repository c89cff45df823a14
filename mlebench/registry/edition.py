"""Editions: the published data of 2024 (v1) and the corrected data (v2), and where their randomness comes from."""

from __future__ import annotations

import hmac
import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any, TypeVar

from mlebench.errors import RawDataFault, UsageError
from mlebench.registry.facts import EditionName
from mlebench.registry.keys import PUBLISHED_KEY, hash_of

if TYPE_CHECKING:
    import numpy as np

    _OnePerRow = Sequence[Any] | np.ndarray | Any
    """A list, array or Series with one value per row."""

Rows = TypeVar("Rows")


@dataclass(frozen=True)
class Edition:
    """One edition of one competition.

    Attributes:
        name: `v1` or `v2`.
        competition_id: the competition whose data is split.
        key: the key of v2 and of generated data; None where a key is still to be drawn (see `keyed`).
        keyed: whether all data is generated from the key, in v1, too.
    """

    name: EditionName
    competition_id: str
    key: str | None = PUBLISHED_KEY
    keyed: bool = False

    @property
    def is_v1(self) -> bool:
        """Whether this is the published edition, faults included."""
        return self.name == "v1"

    @property
    def key_hash(self) -> str | None:
        """Fingerprint of a key of the user's own (16 hex digits), which may be recorded; None for the published one."""
        if self.is_v1 or self.key is None or self.key == PUBLISHED_KEY:
            return None
        return hash_of(self.key)

    def seed(self, purpose: str = "split") -> int:
        """A seed of 128 bits for one purpose, derived from the competition's id and the key.

        A key of the user's own is for v2 and for generated data; v1 of all other data takes the published one.

        Args:
            purpose: what is drawn; different purposes give independent streams.

        Raises:
            UsageError: if no key was given or drawn yet.
        """
        key = PUBLISHED_KEY if self.is_v1 and not self.keyed else self.key
        if key is None:
            raise UsageError(f"{self.competition_id} has no key yet; `mlebench prepare {self.competition_id}` draws one")
        message = f"{self.competition_id}\0{purpose}".encode()
        return int.from_bytes(hmac.digest(key.encode(), message, "sha256")[:16])

    def rng(self, purpose: str = "split") -> np.random.Generator:
        """A generator seeded by `seed(purpose)`."""
        import numpy as np

        return np.random.default_rng(self.seed(purpose))

    def split(
        self,
        rows: Rows,
        *,
        test_size: float | int,
        groups: _OnePerRow | None = None,
        stratify: _OnePerRow | None = None,
        v2_groups: _OnePerRow | None = None,
        v2_stratify: _OnePerRow | None = None,
        v1_seed: int | None = None,
    ) -> tuple[Rows, Rows]:
        """Split rows into train and test, both in the order drawn.

        `groups` and `stratify` hold in every edition. Where v1 is the published split of single rows, and only v2 keeps rows
        together or classes in proportion, the call says `v2_groups` and `v2_stratify`.

        Rows are drawn by the edition's seed; only v1 with neither `groups` nor `stratify` draws single rows with
        `RandomState(v1_seed)`, as scikit-learn's `train_test_split` does. With groups and classes, as many of the groups of each
        class go to test, by their first row, so that the number of test rows is only about `test_size`.

        Args:
            rows: a DataFrame, array or list of n rows.
            test_size: share of the rows, or their count (see `test_count`).
            groups: one group per row; a group stays on one side.
            stratify: one class per row; classes keep their shares (those too rare to share stay in train).
            v2_groups: groups that only v2 keeps on one side.
            v2_stratify: classes whose shares only v2 keeps.
            v1_seed: seed of v1's draw of single rows, 0 by default.

        Returns:
            Train and test rows, of the type of `rows`.

        Raises:
            RawDataFault: if either side would be empty.
            UsageError: if an argument cannot hold: a `test_size` that is neither a share nor a count, a length other than n, more
                than one value per row, a `v2_` argument beside the one for every edition, or a difference between the
                editions of data that is generated from a key.
        """
        n_rows = len(rows)  # type: ignore[arg-type]
        # counts and shares that leave one side empty may be computed from raw data that lacks files
        if not (isinstance(test_size, Integral) or 0 <= test_size <= 1):
            raise self._cannot_hold(f"`test_size` is {test_size}; give a share between 0 and 1 or a count of rows")
        n_test = int(test_size) if isinstance(test_size, Integral) else math.ceil(test_size * n_rows)
        if not 0 < n_test < n_rows:
            raise RawDataFault(
                f"{n_rows} rows of {self.competition_id} cannot be split into train and {n_test} test rows; "
                "the raw data seems incomplete, download it again"
            )
        if v1_seed is not None and (self.keyed or groups is not None or stratify is not None):
            raise self._cannot_hold("`v1_seed` seeds v1's draw of single rows, and there is none with groups, classes or a key")
        groups = self._in_force("groups", groups, v2_groups, n_rows)
        stratify = self._in_force("stratify", stratify, v2_stratify, n_rows)
        train, test = self._draw(n_rows, n_test, groups, stratify, v1_seed or 0)
        return _take(rows, train), _take(rows, test)

    def _in_force(self, name: str, everywhere: Any, v2_alone: Any, n_rows: int) -> Any:
        """What holds in this edition, of values for every edition and those for v2 alone."""
        for given in (everywhere, v2_alone):
            if given is not None and len(given) != n_rows:
                raise self._cannot_hold(f"`{name}` has {len(given)} values for {n_rows} rows")
            if getattr(given, "ndim", 1) != 1:
                raise self._cannot_hold(f"`{name}` is a table; join its columns into one value per row")
        if v2_alone is None:
            return everywhere
        if everywhere is not None:
            raise self._cannot_hold(f"`v2_{name}` cannot hold together with `{name}`, which holds in v2, too")
        if self.keyed:
            raise self._cannot_hold(f"data from a key is the same in both editions; say `{name}` in place of `v2_{name}`")
        return None if self.is_v1 else v2_alone

    def _cannot_hold(self, why: str) -> UsageError:
        return UsageError(f"the call of `edition.split` in prepare.py of {self.competition_id} cannot hold: {why}")

    def _draw(self, n_rows: int, n_test: int, groups: Any, classes: Any, v1_seed: int) -> tuple[np.ndarray, np.ndarray]:
        import numpy as np

        if groups is not None and classes is not None:
            return self._draw_groups_of_classes(_values(groups), _values(classes), n_test)
        if groups is not None:
            return self._draw_groups(_values(groups), n_test)
        if classes is not None:
            return self._draw_classes(_values(classes), n_test)
        order = np.random.RandomState(v1_seed) if self.is_v1 and not self.keyed else self.rng()
        drawn = order.permutation(n_rows)
        return drawn[n_test:], drawn[:n_test]

    def _draw_groups(self, groups: np.ndarray, n_test: int) -> tuple[np.ndarray, np.ndarray]:
        import numpy as np
        import pandas as pd

        codes, names = pd.factorize(groups, use_na_sentinel=False)
        self._require_two_groups(len(names))
        order = self.rng().permutation(len(names))
        filled = np.cumsum(np.bincount(codes, minlength=len(names))[order])
        taken = min(int(np.searchsorted(filled, n_test)) + 1, len(names) - 1)
        shuffled = self.rng("order").permutation(len(groups))
        in_test = np.isin(codes[shuffled], order[:taken])
        return shuffled[~in_test], shuffled[in_test]

    def _draw_groups_of_classes(self, groups: np.ndarray, classes: np.ndarray, n_test: int) -> tuple[np.ndarray, np.ndarray]:
        import numpy as np
        import pandas as pd

        codes, names = pd.factorize(groups, use_na_sentinel=False)
        self._require_two_groups(len(names))
        _, first_row = np.unique(codes, return_index=True)
        taken = min(math.ceil(n_test / len(groups) * len(names)), len(names) - 1)
        _, test_groups = self._draw_classes(classes[first_row], taken)
        shuffled = self.rng("order").permutation(len(groups))
        in_test = np.isin(codes[shuffled], test_groups)
        return shuffled[~in_test], shuffled[in_test]

    def _require_two_groups(self, count: int) -> None:
        if count < 2:
            raise RawDataFault(
                f"all rows of {self.competition_id} belong to one group and cannot be split; the raw data seems incomplete, "
                "download it again"
            )

    def _draw_classes(self, classes: np.ndarray, n_test: int) -> tuple[np.ndarray, np.ndarray]:
        import numpy as np
        import pandas as pd

        codes, names = pd.factorize(classes, use_na_sentinel=False)
        counts = np.bincount(codes, minlength=len(names))
        share = n_test / len(classes) * counts
        quota = np.minimum(np.floor(share), counts - 1).astype(np.int64)
        # the largest remainders get the rows that rounding down left over
        by_remainder = np.argsort(-(share - quota), kind="stable")
        room = by_remainder[quota[by_remainder] < counts[by_remainder] - 1]
        quota[room[: n_test - int(quota.sum())]] += 1
        if lacking := n_test - int(quota.sum()):
            # too few classes can share (tiny data): the test set takes the last row of some of them
            quota[by_remainder[quota[by_remainder] < counts[by_remainder]][:lacking]] += 1
        shuffled = self.rng().permutation(len(classes))
        place_in_class = pd.Series(codes[shuffled]).groupby(codes[shuffled]).cumcount().to_numpy()
        in_test = place_in_class < quota[codes[shuffled]]
        return shuffled[~in_test], shuffled[in_test]


def test_count(n_rows: int, wanted: int, share: float = 0.2) -> int:
    """A test set of a fixed size: `wanted` rows whenever there are more than that, else `share` of the few rows there are."""
    return wanted if n_rows > wanted else max(1, math.ceil(share * n_rows))


test_count.__test__ = False  # type: ignore[attr-defined]


def _values(per_row: Any) -> np.ndarray:
    """One value per row as a flat array; of a list, tuples stay tuples and numbers beside text stay numbers."""
    import numpy as np

    if isinstance(per_row, list | tuple):
        values = np.empty(len(per_row), dtype=object)
        values[:] = per_row
        return values
    return np.asarray(per_row)


def _take(rows: Any, positions: np.ndarray) -> Any:
    import numpy as np

    if hasattr(rows, "iloc"):
        return rows.iloc[positions]
    if isinstance(rows, np.ndarray):
        return rows[positions]
    return [rows[position] for position in positions]
