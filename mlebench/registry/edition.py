"""Editions: the published data of 2024 (v1) and the mended data (v2), and where their randomness comes from."""

from __future__ import annotations

import hashlib
import hmac
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from mlebench.errors import UsageError
from mlebench.registry.facts import EditionName

PUBLISHED_KEY = "mlebench edition v2"
"""The split key that everybody shares unless they bring their own; `published` stands for it where a key is given."""

Rows = TypeVar("Rows")


@dataclass(frozen=True)
class Edition:
    """One edition of one competition.

    Attributes:
        name: `v1` or `v2`.
        competition_id: the competition whose data is split.
        key: the split key of v2; None where a key is still to be drawn (see `keyed`).
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
        return fingerprint(self.key)

    def seed(self, purpose: str = "split") -> int:
        """A seed of 128 bits for one purpose, derived from the key; 0 in v1 of data that is not generated from a key.

        Args:
            purpose: what is drawn; different purposes give independent streams.

        Raises:
            UsageError: if no key was given or drawn yet.
        """
        if self.is_v1 and not self.keyed:
            return 0
        if self.key is None:
            raise UsageError(f"{self.competition_id} has no key yet; `mlebench prepare {self.competition_id}` draws one")
        message = f"{self.competition_id}\0{purpose}".encode()
        return int.from_bytes(hmac.digest(self.key.encode(), message, "sha256")[:16])

    def rng(self, purpose: str = "split") -> np.random.Generator:
        """A generator seeded by `seed(purpose)`."""
        return np.random.default_rng(self.seed(purpose))

    def split(
        self,
        rows: Rows,
        *,
        test_size: float | int,
        groups: Sequence[Any] | np.ndarray | Any = None,
        stratify: Sequence[Any] | np.ndarray | Any = None,
        random_state: int = 0,
        v1_stratify: bool = False,
    ) -> tuple[Rows, Rows]:
        """Split rows into train and test, both in the order drawn.

        v1 draws rows with `RandomState(random_state)`, as scikit-learn's `train_test_split` does. v2 draws with the edition's
        seed, whole groups where `groups` is given, each class in proportion where `stratify` is given (with both: as many of the
        groups of each class, by their first row, so that the number of test rows is only about `test_size`).

        Args:
            rows: a DataFrame, array or list of n rows.
            test_size: share of the rows, or their count (see `test_count`).
            groups: one group per row; v2 keeps a group on one side.
            stratify: one class per row; v2 keeps the classes' shares (classes too rare to share stay in train).
            random_state: v1's seed.
            v1_stratify: whether v1, too, stratifies.

        Returns:
            Train and test rows, of the type of `rows`.

        Raises:
            UsageError: if either side would be empty.
        """
        n_rows = len(rows)  # type: ignore[arg-type]
        n_test = test_size if isinstance(test_size, int) else math.ceil(test_size * n_rows)
        if not 0 < n_test < n_rows:
            raise UsageError(
                f"{self.competition_id}: {n_rows} rows cannot be split into train and {n_test} test rows; "
                "check that the raw data is complete"
            )
        if self.is_v1:
            train, test = self._split_v1(n_rows, test_size, stratify if v1_stratify else None, random_state)
        elif groups is not None and stratify is not None:
            train, test = self._split_groups_of_classes(np.asarray(groups), np.asarray(stratify), n_test)
        elif groups is not None:
            train, test = self._split_groups(np.asarray(groups), n_test)
        elif stratify is not None:
            train, test = self._split_classes(np.asarray(stratify), n_test)
        else:
            order = self.rng().permutation(n_rows)
            train, test = order[n_test:], order[:n_test]
        return _take(rows, train), _take(rows, test)

    def _split_v1(self, n_rows: int, test_size: float | int, stratify: Any, random_state: int) -> tuple[np.ndarray, np.ndarray]:
        from sklearn.model_selection import train_test_split

        train, test = train_test_split(np.arange(n_rows), test_size=test_size, random_state=random_state, stratify=stratify)
        return train, test

    def _split_groups(self, groups: np.ndarray, n_test: int) -> tuple[np.ndarray, np.ndarray]:
        import pandas as pd

        codes, names = pd.factorize(groups, use_na_sentinel=False)
        self._require_two_groups(len(names))
        order = self.rng().permutation(len(names))
        filled = np.cumsum(np.bincount(codes, minlength=len(names))[order])
        taken = min(int(np.searchsorted(filled, n_test)) + 1, len(names) - 1)
        shuffled = self.rng("order").permutation(len(groups))
        in_test = np.isin(codes[shuffled], order[:taken])
        return shuffled[~in_test], shuffled[in_test]

    def _split_groups_of_classes(self, groups: np.ndarray, classes: np.ndarray, n_test: int) -> tuple[np.ndarray, np.ndarray]:
        import pandas as pd

        codes, names = pd.factorize(groups, use_na_sentinel=False)
        self._require_two_groups(len(names))
        _, first_row = np.unique(codes, return_index=True)
        taken = min(math.ceil(n_test / len(groups) * len(names)), len(names) - 1)
        _, test_groups = self._split_classes(classes[first_row], taken)
        shuffled = self.rng("order").permutation(len(groups))
        in_test = np.isin(codes[shuffled], test_groups)
        return shuffled[~in_test], shuffled[in_test]

    def _require_two_groups(self, count: int) -> None:
        if count < 2:
            raise UsageError(
                f"{self.competition_id}: all rows belong to one group and cannot be split; is the raw data complete?"
            )

    def _split_classes(self, classes: np.ndarray, n_test: int) -> tuple[np.ndarray, np.ndarray]:
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


def named_key(given: str | None) -> str:
    """The key that a user's word stands for: the published one for nothing and for `published`."""
    return PUBLISHED_KEY if given in (None, "", "published") else str(given)


def fingerprint(key: str) -> str:
    """What may be recorded of a key: 16 hex digits that do not give it away."""
    return hashlib.sha256(f"mlebench split key\0{key}".encode()).hexdigest()[:16]


def test_count(n_rows: int, wanted: int, share: float = 0.2) -> int:
    """A test set of a fixed size: `wanted` rows whenever there are more than that, else `share` of the few rows there are."""
    return wanted if n_rows > wanted else max(1, math.ceil(share * n_rows))


test_count.__test__ = False  # type: ignore[attr-defined]


def _take(rows: Any, positions: np.ndarray) -> Any:
    if hasattr(rows, "iloc"):
        return rows.iloc[positions]
    if isinstance(rows, np.ndarray):
        return rows[positions]
    return [rows[position] for position in positions]
