"""Variables that every sandbox sets: as many threads as a run has cores, and none that spins for a core that it does not get."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from mlebench.profiles import Profile
from mlebench.sandbox.base import RunRequest, agent_environment
from tests.scripted import scripted_agent

COUNTS = (
    "MLEBENCH_CPUS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "NUMEXPR_NUM_THREADS",
    "NUMEXPR_MAX_THREADS", "NUMBA_NUM_THREADS", "LOKY_MAX_CPU_COUNT", "POLARS_MAX_THREADS", "RAYON_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "GOMAXPROCS", "JULIA_CPU_THREADS", "PYTHON_CPU_COUNT",
)  # fmt: skip


def environment(folder: Path, cpus: float, cpu_ids: tuple[int, ...] = (), own: Mapping[str, str] | None = None) -> dict[str, str]:
    request = RunRequest(
        run_id="toy_seed0", group="group", attempt=1, competition_id="toy", seed=0, public_dir=folder, description="",
        instructions="", agent=scripted_agent(folder / "agent"), profile=Profile(cpus=cpus, time_limit=60), run_dir=folder,
        cpu_ids=cpu_ids, environment=own or {},
    )  # fmt: skip
    return agent_environment(request, "/home")


@pytest.mark.parametrize(
    ("cpus", "cpu_ids", "threads"),
    [(0.5, (), "1"), (1.5, (0, 1), "1"), (4, (), "4"), (4, (8, 9, 10, 11), "4"), (4, (2, 3), "2")],
    ids=["part of a core", "a core and a part", "any cores", "own cores", "fewer cores than promised"],
)
def test_every_runtime_gets_as_many_threads_as_the_run_has_cores(
    tmp_path: Path, cpus: float, cpu_ids: tuple[int, ...], threads: str
) -> None:
    found = environment(tmp_path, cpus, cpu_ids)
    assert {found[name] for name in COUNTS} == {threads}


def test_no_runtime_spins(tmp_path: Path) -> None:
    found = environment(tmp_path, 2)
    assert found["OMP_WAIT_POLICY"] == "PASSIVE"
    assert found["GOMP_SPINCOUNT"] == found["KMP_BLOCKTIME"] == "0"
    assert found["OPENBLAS_THREAD_TIMEOUT"] == "4"


def test_the_agents_own_variables_win(tmp_path: Path) -> None:
    assert environment(tmp_path, 2, own={"OMP_NUM_THREADS": "9"})["OMP_NUM_THREADS"] == "9"
    # half a policy of the agent's and half of the harness's would be neither
    found = environment(tmp_path, 2, own={"OMP_WAIT_POLICY": "ACTIVE"})
    assert found["OMP_WAIT_POLICY"] == "ACTIVE"
    assert not {"GOMP_SPINCOUNT", "KMP_BLOCKTIME"} & found.keys()


def test_an_openmp_runtime_takes_them_as_they_are_meant(tmp_path: Path) -> None:
    """libgomp, which scikit-learn brings along, prints what it understood."""
    command = [sys.executable, "-c", "from sklearn.utils import _openmp_helpers"]
    variables = environment(tmp_path, 3) | {"OMP_DISPLAY_ENV": "VERBOSE"}
    told = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, check=True).stderr
    if "GOMP" not in told:
        pytest.skip("this scikit-learn is built with another runtime")
    assert "OMP_WAIT_POLICY = 'PASSIVE'" in told
    assert "GOMP_SPINCOUNT = '0'" in told
    assert "OMP_NUM_THREADS = '3'" in told
