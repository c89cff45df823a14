"""The command line of a run, word by word, as the user guide has it."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import pytest

from mlebench.profiles import Profile
from mlebench.sandbox.apptainer import own_network
from mlebench.sandbox.apptainer.command import Execution, Mounted
from mlebench.sandbox.apptainer.program import Program

PROGRAM = Program("/usr/bin/apptainer", "apptainer", "1.3.4")
IMAGE = Path("/images/base.sif")
ISOLATION = "exec --containall --cleanenv --no-eval --no-mount hostfs,bind-paths --writable-tmpfs"


def words(execution: Execution) -> str:
    return " ".join(execution.complete(PROGRAM))


def test_a_run_without_a_network() -> None:
    mounts = [Mounted(Path("/data/public"), "/home/data"), Mounted(Path("/runs/1/logs"), "/home/logs", is_writable=True)]
    execution = Execution(IMAGE, ["/bin/sh", "start.sh"], "option", Path("/runs/1/home"), Path("/runs/1/tmp"), mounts)
    assert words(execution) == (
        f"/usr/bin/apptainer {ISOLATION} --net --network none --home /runs/1/home:/home --workdir /runs/1/tmp --pwd /home "
        "--mount type=bind,src=/data/public,dst=/home/data,ro --mount type=bind,src=/runs/1/logs,dst=/home/logs "
        "/images/base.sif /bin/sh start.sh"
    )


def test_where_the_site_gives_no_network_the_kernel_does() -> None:
    execution = Execution(IMAGE, ["true"], "namespace")
    assert words(execution) == (
        f"{sys.executable} -I -S {own_network.__file__} /usr/bin/apptainer {ISOLATION} --userns --no-home --pwd /home "
        "/images/base.sif true"
    )


def test_gpus_and_limits_of_cgroups() -> None:
    profile = Profile(name="toy", cpus=1.5, memory="2g", pids=64, time_limit=60)
    execution = Execution(IMAGE, ["true"], "shared", has_gpus=True, limits=profile)
    assert words(execution) == (
        f"/usr/bin/apptainer {ISOLATION} --no-home --pwd /home --nv --memory 2147483648 --memory-swap 2147483648 --cpus 1.5 "
        "--pids-limit 64 /images/base.sif true"
    )


@pytest.mark.parametrize("path", ["/runs/a:b", "/runs/a,b", '/runs/"quoted", and more'])
def test_any_path_can_be_mounted(path: str) -> None:
    [fields] = csv.reader([Mounted(Path(path), "/home/data").word])
    assert fields == ["type=bind", f"src={path}", "dst=/home/data", "ro"]
