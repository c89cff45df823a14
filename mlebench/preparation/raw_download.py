"""Raw data of a competition that has no folder yet: downloaded to where its `prepare` will look for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mlebench._support import folders
from mlebench._support.steps import Listener, Step, ignore
from mlebench.preparation.build import locked
from mlebench.preparation.sources import has_real_content, unpack_into_place

if TYPE_CHECKING:
    from mlebench.kaggle.transfer import Transfer


def raw_folder(data_dir: Path, competition_id: str) -> Path:
    """Where the raw data of a competition is, as `Competition.raw_dir`."""
    return data_dir / competition_id / "raw"


def download_raw(raw: Path, *, transfer: Transfer | None = None, listener: Listener = ignore) -> bool:
    """Download and unpack the competition that `raw`'s parent folder is named after, unless its data is there already.

    An interrupted download continues with the next call. `raw` only ever appears complete.

    Args:
        raw: `<data directory>/<slug>/raw`.
        transfer: patience and bandwidth.
        listener: gets bytes and total.

    Returns:
        Whether anything was downloaded.

    Raises:
        UsageError: without credentials, if the rules are not accepted, or the data directory cannot be written.
        RawDataFault: if the archive cannot be unpacked; it is removed.
        WorkFailed: if Kaggle does not know the competition, or patience is at its end; what has arrived is kept.
    """
    from mlebench.errors import RawDataFault
    from mlebench.kaggle.download import download_archive

    root = raw.parent
    name = root.name
    with locked(root, lambda: listener(Step(name, "waiting for another process that is preparing it"))):
        if has_real_content(raw):
            return False
        archive = download_archive(name, root, transfer=transfer, listener=listener)
        try:
            unpack_into_place(archive, raw, listener)
        except RawDataFault:
            # a damaged archive must not be taken for the download again
            archive.unlink(missing_ok=True)
            raise
        except OSError as error:
            raise folders.explain(error, f"unpacking {name}", root) from None
        finally:
            listener(Step(name, ""))
        archive.unlink(missing_ok=True)
    return True
