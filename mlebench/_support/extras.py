"""Optional packages: which extra brings one, and the sentence for a user who lacks it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from mlebench.errors import UsageError

_EXTRA_OF = {
    "bson": "formats",
    "fastparquet": "formats",
    "py7zr": "formats",
    "pyarrow": "formats",
    "pydicom": "formats",
    "ray": "ray",
    "shtab": "completion",
    "submitit": "slurm",
    "torch": "research",
}


@contextlib.contextmanager
def extras_explained() -> Iterator[None]:
    """Tell which extra to install where an optional package is missing.

    Raises:
        UsageError: with the command that installs it.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _EXTRA_OF:
            raise
        extra = _EXTRA_OF[package]
        raise UsageError(f"this needs the package {package}; `pip install 'mlebench[{extra}]'` installs it") from None
