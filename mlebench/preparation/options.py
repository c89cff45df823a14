"""What is asked for when competitions are prepared."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench._support import paths

if TYPE_CHECKING:
    from mlebench.kaggle.transfer import Transfer
    from mlebench.registry import Competition


@dataclass(frozen=True)
class PreparationOptions:
    """How competitions are prepared.

    Attributes:
        source: a zip or an unpacked folder with the raw data, or a folder of such; by default raw data comes from Kaggle.
        mock: make the raw data up.
        keep_raw: keep raw data that lies in the data directory.
        verify: compare md5 sums with the published ones.
        force: prepare again what is prepared.
        new_key: draw a fresh key for data that is generated, even if one is kept with the data that is replaced.
        pages: also keep Kaggle's own task pages.
        transfer: patience and bandwidth of downloads.
    """

    source: Path | None = None
    mock: bool = False
    keep_raw: bool = False
    verify: bool = True
    force: bool = False
    new_key: bool = False
    pages: bool = False
    transfer: Transfer | None = None

    def command(self, competition: Competition, **changes: bool) -> str:
        """The command that prepares one competition with these options.

        A split key is left out, as it is secret.

        Args:
            competition: in the edition and the data directory that the command names.
            changes: options that differ, such as `force=True`.
        """
        words = competition.prepare_command.split()
        if self.source is not None:
            words += ["--from", str(self.source)]
        flags = {
            "--mock": self.mock,
            "--keep-raw": self.keep_raw,
            "--no-verify": not changes.get("verify", self.verify),
            "--force": changes.get("force", self.force),
        }
        words += [flag for flag, given in flags.items() if given]
        if competition.data_dir != paths.data_dir():
            words += ["--data-dir", str(competition.data_dir)]
        return f"`{shlex.join(words)}`"
