"""What is asked for when competitions are prepared."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlebench.kaggle.transfer import Transfer
    from mlebench.registry import Competition


@dataclass(frozen=True)
class PreparationOptions:
    """How competitions are prepared.

    Attributes:
        source: a zip or an unpacked folder with the raw data, or a folder of such; by default raw data comes from Kaggle.
        link: make unchanged files of `source` hard links, so that they are the user's own files, and read-only.
        mock: make the raw data up.
        keep_raw: keep raw data that lies in the data directory.
        verify: refuse data whose md5 sums or counts are not the published ones.
        force: prepare again what is prepared.
        new_key: draw a fresh key for data that is generated, even if one is kept with the data that is replaced.
        pages: also keep Kaggle's own task pages.
        transfer: patience and bandwidth of downloads.
    """

    source: Path | None = None
    link: bool = False
    mock: bool = False
    keep_raw: bool = False
    verify: bool = True
    force: bool = False
    new_key: bool = False
    pages: bool = False
    transfer: Transfer | None = None

    def command(self, competition: Competition, **changes: bool) -> str:
        """The command that prepares one competition with these options.

        A split key is asked for and never shown, as it is secret.

        Args:
            competition: in the edition and the data directory that the command names.
            changes: options that differ, such as `force=True`.
        """
        words = [competition.prepare_command]
        if self.source is not None:
            words += ["--from", shlex.quote(str(self.source))]
        flags = {
            "--link": self.link,
            "--mock": self.mock,
            "--keep-raw": self.keep_raw,
            "--no-verify": not changes.get("verify", self.verify),
            "--force": changes.get("force", self.force),
        }
        words += [flag for flag, given in flags.items() if given]
        has_key = competition.edition.key_hash is not None and not os.environ.get("MLEBENCH_SPLIT_KEY")
        return f"`{' '.join(words)}`{' with the same --split-key' if has_key else ''}"
