"""An agent's files that are not kept, as reported in the run's log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from grading.printable import printable
from mlebench._support.secrets import Mask

_NAMED = 20
"""Most files of an output folder left out for the same reason that are listed individually."""
_LONGEST_NAME = 120
_MOST_KEPT = 10
_SUBMISSION = "submission/"


class LeftOut:
    """Logs each entry with its reason; of many in one folder with the same reason, the first ones and the number of others."""

    def __init__(self, note: Callable[[str], None], secrets: tuple[str, ...] = ()) -> None:
        """Args:
        note: receives one sentence per entry.
        secrets: values to mask in every name and reason.
        """
        self.counts: Counter[str] = Counter()
        """Number of entries left out, by reason."""
        self.of_submission: dict[str, str] = {}
        """Reasons by name for the first entries of `submission/`, to explain a missing submission."""
        self._of_folders: Counter[tuple[str, str]] = Counter()
        self._note = note
        self._mask = Mask(secrets)

    def add(self, name: str, reason: str) -> None:
        """Record that `name` is left out."""
        reason = self._mask.apply_to_text(reason)
        folder = name.partition("/")[0]
        self.counts[reason] += 1
        self._of_folders[folder, reason] += 1
        is_named = self._of_folders[folder, reason] <= _NAMED
        is_kept = name.startswith(_SUBMISSION) and len(self.of_submission) < _MOST_KEPT
        if not (is_kept or is_named):
            return
        # masked before it is shortened: a truncated secret is still sensitive
        shown = printable(self._mask.apply_to_text(name), _LONGEST_NAME)
        if is_kept:
            self.of_submission[shown] = reason
        if is_named:
            self._note(f"left out {shown}: {reason}")

    def summarise(self) -> None:
        """Log how many were not listed."""
        for (folder, reason), count in self._of_folders.items():
            if count > _NAMED:
                self._note(f"left out {count - _NAMED} more of {folder}/: {reason}")
