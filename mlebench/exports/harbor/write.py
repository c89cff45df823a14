"""Writes tasks into a folder that `harbor run -p` takes, and beside them what their volumes are made with."""

from __future__ import annotations

import os
import shutil
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench._support.files import write_text
from mlebench._support.folders import PARTIAL, put_in_place, remove_tree
from mlebench._support.hints import quoted
from mlebench._support.plain_files import read_plain
from mlebench._support.steps import Listener, Tally, ignore
from mlebench.errors import NotPrepared, UsageError, WorkFailed
from mlebench.exports.harbor.choices import Choices
from mlebench.exports.harbor.oracle import COMPOSE_FILE, oracle_compose
from mlebench.exports.harbor.task import CONFIG, HARNESS, task_files

if TYPE_CHECKING:
    from mlebench.registry import Competition

VOLUMES_SCRIPT, SETTINGS = "mlebench-volumes.sh", "mlebench-data.env"
_LARGEST_CONFIG = 2**20
_SCRIPT = f"""\
#!/bin/sh
# Makes the volumes that the tasks beside this script name, out of folders of a data directory; nothing is copied.
#     sh {VOLUMES_SCRIPT}           makes them
#     sh {VOLUMES_SCRIPT} remove    removes them; the data stays
# The data directory is MLEBENCH_DATA_DIR, by default that of {SETTINGS}; the engine is MLEBENCH_ENGINE, by default docker.
set -eu
cd "$(dirname "$0")"
[ -n "${{MLEBENCH_DATA_DIR:-}}" ] || . ./{SETTINGS}
engine=${{MLEBENCH_ENGINE:-docker}}
missing=0

value() {{ sed -n "s/^$2 = \\"\\(.*\\)\\"\\$/\\1/p" "$1"; }}

make() {{
    if [ ! -d "$2" ]; then
        echo "there is no $2; prepare its data with mlebench prepare, or set MLEBENCH_DATA_DIR" >&2
        missing=1
        return
    fi
    there=$("$engine" volume inspect --format '{{{{ index .Options "device" }}}}' "$1" 2>/dev/null) || there=
    [ "$there" != "$2" ] || return 0
    [ -z "$there" ] || "$engine" volume rm "$1" >/dev/null
    "$engine" volume create --driver local --opt type=none --opt o=bind --opt device="$2" "$1" >/dev/null
    echo "$1 is $2"
}}

for task in */{CONFIG}; do
    grep -q '^harness = "{HARNESS}"$' "$task" || continue
    for kind in volume public_volume; do
        name=$(value "$task" "$kind")
        case ${{1:-make}} in
            remove) "$engine" volume rm "$name" >/dev/null 2>&1 || true ;;
            *) make "$name" "$MLEBENCH_DATA_DIR/$(value "$task" "${{kind}}_folder")" ;;
        esac
    done
done
exit "$missing"
"""


@dataclass(frozen=True)
class Written:
    """A task that was written."""

    competition: Competition
    path: Path


def require_prepared(competitions: Sequence[Competition]) -> None:
    """Refuse competitions whose data is not there.

    Raises:
        NotPrepared: the first thing that is missing, with the command that helps.
    """
    from mlebench.runs.given import unprepared

    for problem in unprepared(competitions):
        raise NotPrepared(f"{problem}, or export tasks for another machine with `--without-data`")


def write_tasks(
    competitions: Sequence[Competition], folder: Path, choices: Choices, listener: Listener = ignore
) -> list[Written]:
    """Write a folder for each competition, whole or not at all; one of an earlier export is replaced.

    Args:
        competitions: the competitions.
        folder: where to.
        choices: how.
        listener: gets the number of tasks that are written.

    Raises:
        UsageError: something else stands in the place of a task, or the folder cannot be written.
    """
    tally = Tally(listener, "", "writing", len(competitions), "task", every=0)
    made = [(competition, task_files(competition, choices)) for competition in competitions]
    for competition, _ in made:
        _require_ours(folder / competition.id)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = []
        for competition, files in made:
            written.append(Written(competition, _write_task(folder / competition.id, files)))
            tally.add()
        _write_beside(folder, made[0][0].data_dir, choices)
    except OSError as error:
        raise WorkFailed(f"cannot write {error.filename or folder}: {error.strerror}; choose another folder with -o") from None
    return written


def _require_ours(target: Path) -> None:
    if not os.path.lexists(target):
        return
    try:
        content = tomllib.loads(read_plain(target / CONFIG, _LARGEST_CONFIG).decode())
        if content["metadata"]["harness"] == HARNESS:
            return
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise UsageError(
        f"{target} is not a task that `mlebench export harbor` wrote; move it away, or choose another folder with -o"
    )


def _write_task(target: Path, files: Mapping[str, str | Path]) -> Path:
    making = Path(tempfile.mkdtemp(prefix=PARTIAL, dir=target.parent))
    try:
        task = making / target.name
        for name, content in files.items():
            path = task / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, Path):
                shutil.copyfile(content, path)
            else:
                path.write_text(content, encoding="utf-8", newline="\n")
            path.chmod(0o755 if path.suffix == ".sh" else 0o644)
        put_in_place(task, target)
    finally:
        remove_tree(making)
    return target


def _write_beside(folder: Path, data_dir: Path, choices: Choices) -> None:
    write_text(folder / VOLUMES_SCRIPT, _SCRIPT)
    (folder / VOLUMES_SCRIPT).chmod(0o755)
    write_text(folder / SETTINGS, f"MLEBENCH_DATA_DIR={quoted(str(data_dir))}\n")
    if choices.with_oracle:
        write_text(folder / COMPOSE_FILE, oracle_compose())
