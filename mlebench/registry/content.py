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
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any
from urllib.parse import quote_from_bytes, unquote_to_bytes

from mlebench._support.extras import extras_explained
from mlebench.errors import MlebenchError, UsageError

__path__: list[str] = []  # the packages of the folders are submodules of this module


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
        with extras_explained():
            return importlib.import_module(f"{_package_name(folder)}.{path.stem}")
    except MlebenchError:
        raise
    except Exception as error:
        raise UsageError(f"{_place(error, folder) or path} cannot be loaded: {_reason(error)}") from error


def _package_name(folder: Path) -> str:
    # a dot would part the name
    return f"{__name__}.{quote_from_bytes(os.fsencode(folder), safe='/').replace('.', '%2E')}"


def _folder_of(quoted: str) -> Path:
    return Path(os.fsdecode(unquote_to_bytes(quoted)))


def _place(error: Exception, folder: Path) -> str | None:
    """The line of the folder at which importing ended."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}, line {error.lineno},"
    lines = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).is_relative_to(folder)]
    return f"{lines[-1].filename}, line {lines[-1].lineno}," if lines else None


def _reason(error: Exception) -> str:
    words = error.msg if isinstance(error, SyntaxError) else " ".join(str(error).split())
    return f"{type(error).__name__}: {words}"


class _SourceLoader(SourceFileLoader):
    """Compiles what the file holds now: compiled files are told apart by second and size, and would be left in the folder."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


class _FolderFinder(MetaPathFinder):
    """Finds folders by the quoted path in their name, and the modules in them."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None, /) -> ModuleSpec | None:
        prefix, _, name = fullname.partition(f"{__name__}.")
        if prefix or not name:
            return None
        quoted, *inside = name.split(".")
        place = _folder_of(quoted).joinpath(*inside)
        if (init := place / "__init__.py").is_file():
            return _source_spec(fullname, init, [str(place)])
        if inside and (file := place.with_name(f"{place.name}.py")).is_file():
            return _source_spec(fullname, file)
        if place.is_dir():
            spec = ModuleSpec(fullname, None, is_package=True)
            spec.submodule_search_locations = [str(place)]
            return spec
        return None


def _source_spec(name: str, file: Path, locations: list[str] | None = None) -> ModuleSpec | None:
    return spec_from_file_location(name, file, loader=_SourceLoader(name, str(file)), submodule_search_locations=locations)


# before the finder of ordinary packages, which would compile into the folder
sys.meta_path.insert(0, _FolderFinder())
