"""Optional packages: which extra brings one, and the sentence for a user who lacks it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from mlebench.errors import MissingExtra

EXTRA_OF = {
    "fastparquet": "formats",
    "inspect_ai": "inspect",
    "pillow": "formats",
    "py7zr": "formats",
    "pyarrow": "formats",
    "pydicom": "formats",
    "ray": "ray",
    "sigstore": "sigstore",
    "submitit": "slurm",
}
"""The extra of `pyproject.toml` that installs each optional package."""
_INSTALLED_AS = {"PIL": "pillow"}
"""The package of a module of another name."""


@contextlib.contextmanager
def extras_explained() -> Iterator[None]:
    """Name the extra to install where an optional package is missing.

    Raises:
        MissingExtra: with the command that installs it.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (explained := missing_extra(error)) is None:
            raise
        raise explained from None


def missing_extra(error: ModuleNotFoundError) -> MissingExtra | None:
    """The error with the command that installs a missing optional package; None if the package is in no extra."""
    module = (error.name or "").partition(".")[0]
    package = _INSTALLED_AS.get(module, module)
    if package not in EXTRA_OF:
        return None
    return MissingExtra(f"this needs the package {package}; `pip install 'mlebench[{EXTRA_OF[package]}]'` installs it")
