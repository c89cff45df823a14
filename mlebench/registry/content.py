"""Loads the Python files of competition folders: each folder is a package of its own, whatever its name and wherever it lies.

The package is named after the folder's path, `mlebench.registry.content.<path, quoted>`. So folders of one name never share a
module, `from .helper import …` finds the folder's own files, and a class of such a file can be pickled: a fresh process that
unpickles it imports this module, which knows from the name where the file is.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from importlib.abc import Loader, PathEntryFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_loader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any
from urllib.parse import quote_from_bytes, unquote_to_bytes

from mlebench._support import paths
from mlebench._support.extras import missing_extra
from mlebench.errors import MlebenchError, UsageError

MARK = f"{__name__}:"
"""Begins the entries of search paths that `_FolderFinder` serves, and no other finder."""
__path__ = [MARK]  # the packages of the folders are submodules of this module


def homes() -> list[str]:
    """Entries of a search path by which imports find the folders that competitions are looked for in at this moment."""
    return [f"{MARK}{home}" for home in paths.content_dirs("competitions")]


def load_value(path: Path, name: str) -> Any:
    """The value `name` that one Python file of a competition folder defines.

    Raises:
        UsageError: if the file is missing, cannot be imported or does not define it.
    """
    module = load_module(path)
    if not hasattr(module, name):
        raise UsageError(f"{path} defines no `{name}`; a competition folder needs it there")
    return getattr(module, name)


def load_module(path: Path) -> ModuleType:
    """Import one Python file of a competition folder; a second call gives the same module.

    Raises:
        UsageError: if the file is missing or cannot be imported, with the line at fault.
    """
    if not path.is_file():
        raise UsageError(f"{path} is missing; a competition folder needs it")
    folder = path.parent.resolve()
    try:
        return importlib.import_module(f"{_package_name(folder)}.{path.stem}")
    except MlebenchError:
        raise
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and (missing := missing_extra(error)):
            raise missing from None
        raise UsageError(f"{_place(error, folder) or path} cannot be loaded: {_reason(error)}") from error


def _package_name(folder: Path) -> str:
    # a dot would part the name
    return f"{__name__}.{quote_from_bytes(os.fsencode(folder), safe='/').replace('.', '%2E')}"


def _folder_of(quoted: str) -> Path:
    return Path(os.fsdecode(unquote_to_bytes(quoted)))


def _place(error: BaseException, folder: Path) -> str | None:
    """The line of the folder at which importing ended."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}, line {error.lineno},"
    lines = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).is_relative_to(folder)]
    return f"{lines[-1].filename}, line {lines[-1].lineno}," if lines else None


def _reason(error: BaseException) -> str:
    words = error.msg if isinstance(error, SyntaxError) else " ".join(str(error).split())
    return f"{type(error).__name__}: {words}"


class _SourceLoader(SourceFileLoader):
    """Compiles what the file holds now: compiled files are told apart by second and size, and would be left in the folder."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


class _BareFolder(Loader):
    """Makes the empty package of a folder without `__init__.py`."""

    def exec_module(self, module: ModuleType) -> None:
        """Nothing."""


class _FolderFinder(PathEntryFinder):
    """Finds folders by the quoted path in their name, and the modules in them."""

    def __init__(self, entry: str) -> None:
        if not entry.startswith(MARK):
            raise ImportError(f"{entry} is served by other finders")
        self._folder = entry.removeprefix(MARK)

    def find_spec(self, fullname: str, target: ModuleType | None = None) -> ModuleSpec | None:
        name = fullname.rpartition(".")[2]
        place = Path(self._folder, name) if self._folder else _folder_of(name)
        if not place.is_absolute():
            return None
        if (init := place / "__init__.py").is_file():
            return _spec(fullname, _SourceLoader(fullname, str(init)), place)
        if self._folder and (file := place.with_name(f"{name}.py")).is_file():
            return _spec(fullname, _SourceLoader(fullname, str(file)))
        return _spec(fullname, _BareFolder(), place) if place.is_dir() else None


def _spec(name: str, loader: Loader, package: Path | None = None) -> ModuleSpec | None:
    spec = spec_from_loader(name, loader, is_package=package is not None)
    if spec is not None and package is not None:
        spec.submodule_search_locations = [f"{MARK}{package}"]
    return spec


# the hook of ordinary folders would compile into them; it is never asked for these entries
sys.path_hooks.append(_FolderFinder)
