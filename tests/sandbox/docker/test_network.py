"""The network that runs share: made once however many start at once, found by its label, removed with the last of them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mlebench.sandbox.docker import engine, network
from mlebench.sandbox.docker.traits import Traits
from tests.sandbox.docker.conftest import Bench, assert_no_network_left

NAME = "mlebench-open"
PROCESS = """
import sys
from pathlib import Path
from concurrent.futures import ThreadPoolExecutor
from tests.sandbox.docker.conftest import make_bench
bench = make_bench(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
def one(number):
    return bench.run("ip route 2>/dev/null; true", run_id=f"toy_seed{number}", profile={"network": "open"}).outcome
with ThreadPoolExecutor(5) as pool:
    for outcome in pool.map(one, range(5)):
        print(outcome.state, outcome.detail, flush=True)
"""


def ours(client: Any) -> list[dict[str, Any]]:
    return client.api.networks(filters={"label": f"{network.OWNER_LABEL}={os.getuid()}"})


@pytest.fixture
def foreign(client: Any) -> Iterator[Any]:
    """A network of the same name that is not ours: another user's, or one that an older version left."""
    network.release(client)
    taken = [client.networks.get(found["Id"]) for found in client.api.networks(names=[NAME])]
    if taken:
        pytest.skip("runs of others are using the name")
    made = client.networks.create(NAME, labels={engine.LABEL: "network"})
    yield made
    made.remove()


def test_a_network_of_that_name_that_is_not_ours_is_left_alone(bench: Bench, client: Any, foreign: Any) -> None:
    ended = bench.run("true", profile={"network": "open"})
    assert ended.outcome.state == "finished", ended.log
    foreign.reload()
    assert foreign.attrs["Labels"] == {engine.LABEL: "network"}


def test_a_network_is_kept_while_a_container_that_has_not_started_needs_it(bench: Bench, client: Any, base_image: Any) -> None:
    with network.joined(client, "open", Traits.of(client)) as found:
        created = client.containers.create(
            base_image.id,
            "true",
            network_mode=found.mode,
            labels={engine.LABEL: "test", "mlebench.run-folder": f"{bench.folder}/x"},
        )
    try:
        network.release(client)
        created.start()
        assert found.mode in {each["Id"] for each in ours(client)}
    finally:
        created.remove(force=True)
        network.release(client)


def test_a_network_that_others_remove_before_the_start_is_made_again(
    bench: Bench, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`docker network prune` takes those that no running container is in."""
    from mlebench.sandbox.docker import container

    pack, pruned = container.files, []

    def prune(request: Any) -> bytes:
        if not pruned:
            [created] = bench.containers()
            try:
                client.networks.get(created.attrs["HostConfig"]["NetworkMode"]).remove()
            except Exception:
                pytest.skip("runs of others are using the network")
            pruned.append(True)
        return pack(request)

    monkeypatch.setattr(container, "files", prune)
    ended = bench.run("true", profile={"network": "open"})
    assert (ended.outcome.state, pruned) == ("finished", [True]), ended.log


def test_twenty_threads_in_one_process_and_four_processes_start_at_once(bench: Bench, client: Any, tmp_path: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, str(tmp_path / f"process{number}")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3],
        )
        for number in range(4)
    ]  # fmt: skip
    for process in processes:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"

    def one(number: int) -> str:
        return bench.run("true", run_id=f"toy_seed{number}", profile={"network": "open"}).outcome.state

    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    with ThreadPoolExecutor(20) as pool:
        states = list(pool.map(one, range(20)))
    said = [process.communicate(timeout=300)[0].splitlines() for process in processes]
    assert states == ["finished"] * 20
    assert [line.split()[0] for lines in said for line in lines] == ["finished"] * 20, said
    assert_no_network_left(client)
