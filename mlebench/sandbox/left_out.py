"""What an agent left that is not kept, named in the run's log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from grading.printable import printable
from mlebench._support.secrets import Mask

_NAMED = 20
"""How many files of an output folder that are left out for one reason are named one by one."""
_LONGEST_NAME = 120
_MOST_KEPT = 10
_SUBMISSION = "submission/"


class LeftOut:
    """Notes each entry with its reason; of many of one folder with one reason the first ones and how many more there are."""

    def __init__(self, note: Callable[[str], None], secrets: tuple[str, ...] = ()) -> None:
        """Args:
        note: receives one sentence per entry.
        secrets: values that are masked in every name and reason.
        """
        self.counts: Counter[str] = Counter()
        """How many entries were left out, by reason."""
        self.of_submission: dict[str, str] = {}
        """Reasons by name for the first entries of `submission/`, to explain a submission that is missing."""
        self._of_folders: Counter[tuple[str, str]] = Counter()
        self._note = note
        self._mask = Mask(secrets)

    def add(self, name: str, reason: str) -> None:
        """`name` is left out."""
        reason = self._mask.apply_to_text(reason)
        folder = name.partition("/")[0]
        self.counts[reason] += 1
        self._of_folders[folder, reason] += 1
        is_named = self._of_folders[folder, reason] <= _NAMED
        is_kept = name.startswith(_SUBMISSION) and len(self.of_submission) < _MOST_KEPT
        if not (is_kept or is_named):
            return
        # before it is shortened: half a secret is one, too
        shown = printable(self._mask.apply_to_text(name), _LONGEST_NAME)
        if is_kept:
            self.of_submission[shown] = reason
        if is_named:
            self._note(f"left out {shown}: {reason}")

    def summarise(self) -> None:
        """Say how many were not named."""
        for (folder, reason), count in self._of_folders.items():
            if count > _NAMED:
                self._note(f"left out {count - _NAMED} more of {folder}/: {reason}")
