"""Names that programs written for the published harness import from its `utils`, with the arguments that they give.

Our own code uses none of the names that others of ours stand for: it takes a table from `mlebench.data`, a path from
`mlebench._support.paths`, and so on.
"""

from __future__ import annotations

import json
import logging
import os
import uuid
import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grading.published_grader import import_function as import_fn
from mlebench._support import paths
from mlebench._support.checksums import md5
from mlebench._support.files import time_in_name

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "authenticate_kaggle_api",
    "compress",
    "create_run_dir",
    "extract",
    "generate_checksums",
    "generate_run_id",
    "get_checksum",
    "get_logger",
    "get_module_dir",
    "get_repo_dir",
    "get_runs_dir",
    "get_timestamp",
    "import_fn",
    "in_ci",
    "is_compressed",
    "is_empty",
    "load_answers",
    "load_yaml",
    "purple",
    "read_csv",
    "read_jsonl",
]

_LOG_FORMAT = "[%(asctime)s] [%(levelname)s] [%(name)s] %(message)s"
_ARCHIVES = (".zip", ".7z", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
_COMMENTS = ("#", "//")
_PATIENCE = 15.0
"""Seconds for which a Kaggle that does not answer is asked again."""

_log = logging.getLogger(__name__)


def read_csv(*source: Any, **options: Any) -> pd.DataFrame:
    """`pandas.read_csv` with floats parsed to the nearest double; a file without any column is an empty table and a warning."""
    import pandas as pd

    try:
        table: pd.DataFrame = pd.read_csv(*source, **{"float_precision": "round_trip", **options})
    except pd.errors.EmptyDataError:
        _log.warning("%s is empty; it is read as a table without rows", source[0] if source else "the table")
        return pd.DataFrame()
    return table


def read_jsonl(file_path: Path | str, skip_commented_out_lines: bool = False) -> list[Any]:
    """The objects of a file with one JSON document per line, blank lines left out.

    Args:
        file_path: the file.
        skip_commented_out_lines: leave out lines that begin with `#` or `//`.

    Raises:
        ValueError: a line is not JSON, with its number.
    """
    documents = []
    # not splitlines: it also parts a line at characters that JSON allows within a string
    for number, line in enumerate(Path(file_path).read_text(encoding="utf-8-sig").split("\n"), start=1):
        if not line.strip() or (skip_commented_out_lines and _is_comment(line)):
            continue
        try:
            documents.append(json.loads(line))
        except ValueError as error:
            raise ValueError(f"{file_path}, line {number}: {error}") from None
    return documents


def _is_comment(line: str) -> bool:
    """Whether a line of a JSON-lines file begins with `#` or `//`."""
    return line.lstrip().startswith(_COMMENTS)


def load_answers(path_to_answers: Path | str) -> pd.DataFrame | list[Any]:
    """Read a file of answers: the table of a csv file, the list of objects of a jsonl file.

    Raises:
        ValueError: it is neither.
    """
    path = Path(path_to_answers)
    if path.suffix == ".csv":
        return read_csv(path)
    if path.suffix == ".jsonl":
        return read_jsonl(path)
    raise ValueError(f"{path} is neither a .csv nor a .jsonl file of answers")


def load_yaml(fpath: Path | str) -> Any:
    """The content of a YAML file."""
    from mlebench._support.yaml_model import read_yaml

    return read_yaml(Path(fpath))


def get_logger(name: str, level: int = logging.INFO, filename: Path | str | None = None) -> logging.Logger:
    """A logger whose records reach a handler of the root logger, on stderr or in the file `filename`.

    Programs reach for `logging.getLogger().handlers[0]` afterwards, so there is one, whatever was configured before.
    """
    root = logging.getLogger()
    logging.basicConfig(level=level, format=_LOG_FORMAT, filename=filename)
    if filename is not None and str(Path(filename).absolute()) not in _log_files(root):
        handler = logging.FileHandler(filename)
        handler.setFormatter(logging.Formatter(_LOG_FORMAT))
        root.addHandler(handler)
    logger = logging.getLogger(name)
    if logger.getEffectiveLevel() > level:
        logger.setLevel(level)
    return logger


def _log_files(root: logging.Logger) -> set[str]:
    return {handler.baseFilename for handler in root.handlers if isinstance(handler, logging.FileHandler)}


def purple(str: str) -> str:
    """A text that a terminal shows in bold purple."""
    return f"\033[1;35m{str}\033[0m"


def get_timestamp() -> str:
    """The time in UTC, to the second, in a form that may be part of a file name: `2024-10-09T12-00-00-UTC`."""
    return f"{time_in_name()}-UTC"


def generate_run_id(competition_id: str, agent_id: str | None = None, run_group: str | None = None) -> str:
    """A name for a run that no other run has: the competition's id and a random part."""
    return f"{competition_id}_{uuid.uuid4()}"


def create_run_dir(competition_id: str | None = None, agent_id: str | None = None, run_group: str | None = None) -> Path:
    """Make a folder for a run, `<runs>/<run_group>/<run id>`, and give its path.

    Args:
        competition_id: the competition that the run is about.
        agent_id: the agent; also the name of the group where none is given.
        run_group: the group, by default the time and the agent.
    """
    group = run_group or "_".join(filter(None, (get_timestamp(), "run-group", agent_id)))
    folder = get_runs_dir() / group / generate_run_id(competition_id or "run", agent_id, group)
    folder.mkdir(parents=True)
    return folder


def get_runs_dir() -> Path:
    """The folder of run groups: `MLEBENCH_RUNS_DIR`, else `runs` in the working directory."""
    return paths.runs_dir()


def get_module_dir() -> Path:
    """The folder of the package `mlebench`."""
    return Path(__file__).resolve().parent


def get_repo_dir() -> Path:
    """The folder that holds the package `mlebench`: in a checkout, its root."""
    return get_module_dir().parent


def in_ci() -> bool:
    """Whether this runs on a machine for continuous integration (`CI` or `GITHUB_ACTIONS` is set)."""
    return any(os.environ.get(name, "").lower() not in ("", "0", "false") for name in ("CI", "GITHUB_ACTIONS"))


def is_empty(dir: Path | str) -> bool:
    """Whether a folder holds nothing."""
    return not any(Path(dir).iterdir())


def is_compressed(fpath: Path | str) -> bool:
    """Whether a file is an archive, by its name."""
    return Path(fpath).name.lower().endswith(_ARCHIVES)


def extract(src: Path | str, dst: Path | str, recursive: bool = False) -> None:
    """Unpack a zip, 7z or tar archive.

    Args:
        src: the archive.
        dst: the folder to unpack to, made if need be.
        recursive: also unpack the archives found inside, each where it lies, and remove them.

    Raises:
        mlebench.errors.RawDataFault: the archive is missing, damaged or unsafe.
    """
    from mlebench.data.archives import extract as unpack

    unpack(Path(src), Path(dst))
    while recursive and (inner := [path for path in sorted(Path(dst).rglob("*")) if path.is_file() and is_compressed(path)]):
        for archive in inner:
            unpack(archive, archive.parent)
            archive.unlink()


def compress(src: Path | str, compressed: Path | str, exist_ok: bool = False) -> None:
    """Pack a file, or the content of a folder, into a zip.

    Args:
        src: the file or folder.
        compressed: the zip.
        exist_ok: replace a zip that lies there.

    Raises:
        FileNotFoundError: there is no `src`.
        FileExistsError: `compressed` lies there, without `exist_ok`.
    """
    source, target = Path(src), Path(compressed)
    if not source.exists():
        raise FileNotFoundError(f"there is no {source} to pack")
    if target.exists() and not exist_ok:
        raise FileExistsError(f"{target} lies there; give `exist_ok=True` to replace it")
    files = [path for path in sorted(source.rglob("*")) if path.is_file()] if source.is_dir() else [source]
    home = source if source.is_dir() else source.parent
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            if not path.samefile(target):
                archive.write(path, path.relative_to(home))


def get_checksum(fpath: Path | str) -> str:
    """The md5 of a file as 32 hex digits."""
    return md5(Path(fpath))


def generate_checksums(
    target_dir: Path | str, exts: Collection[str] | None = None, exclude: Collection[Path] | None = None
) -> dict[str, str]:
    """The md5 of the files directly in a folder, by name.

    Args:
        target_dir: the folder.
        exts: endings that count, without the dot; by default csv, jsonl and json.
        exclude: paths to leave out.
    """
    endings = {f".{ending.lstrip('.')}" for ending in exts or ("csv", "jsonl", "json")}
    left_out = {Path(path).absolute() for path in exclude or ()}
    files = [path for path in sorted(Path(target_dir).iterdir()) if path.is_file() and path.suffix in endings]
    return {path.name: md5(path) for path in files if path.absolute() not in left_out}


def authenticate_kaggle_api() -> Any:
    """A client of the `kaggle` package that is signed in, and whose credentials Kaggle has just accepted.

    Raises:
        PermissionError: there are no credentials, Kaggle refuses them, or it cannot be asked.
    """
    from mlebench.errors import MlebenchError
    from mlebench.kaggle.client import KaggleService
    from mlebench.kaggle.patience import Patience

    try:
        KaggleService().entered(Patience(_PATIENCE))
        # importing the client signs in, and ends the process where it cannot
        from kaggle.api.kaggle_api_extended import KaggleApi

        client = KaggleApi()
        client.authenticate()
    except (MlebenchError, OSError, SystemExit) as error:
        raise PermissionError(f"Kaggle authentication failed: {error}") from error
    return client
