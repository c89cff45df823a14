"""What is asked for when competitions are prepared."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench.registry.competition import prepare_command

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
        keep_raw: keep raw data that is in the data directory.
        verify: refuse data whose md5 sums or counts are not the published ones.
        force: prepare again what is prepared.
        new_key: draw a fresh key for data that is generated, even if one is kept with the data that is replaced.
        pages: also keep Kaggle's own task pages.
        transfer: patience and bandwidth of downloads.
        repeated: further words of the user's command that a hint repeats, such as `--jobs 4`.
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
    repeated: tuple[str, ...] = ()

    def command(self, competition: Competition, **changes: bool) -> str:
        """The command that prepares one competition with these options.

        A split key is asked for and never shown, as it is secret.

        Args:
            competition: in the edition and the data directory that the command names.
            changes: options that differ, such as `force=True`.
        """
        words = [] if self.source is None else ["--from", str(self.source)]
        flags = {
            "--link": self.link,
            "--mock": self.mock,
            "--keep-raw": self.keep_raw,
            "--kaggle-pages": self.pages,
            "--no-verify": not changes.get("verify", self.verify),
            "--force": changes.get("force", self.force),
        }
        words += [flag for flag, given in flags.items() if given]
        command = prepare_command([competition], [*words, *self.repeated])
        has_key = competition.edition.key_hash is not None and not os.environ.get("MLEBENCH_SPLIT_KEY")
        return f"`{command}`{' with the same --split-key' if has_key else ''}"
