"""Leases: one holder among all harnesses of a machine, given back with their process, whatever lies in the folder of locks."""

from __future__ import annotations

import logging
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mlebench.runs.leases import Leases

HOLD = """
import sys
from pathlib import Path
from mlebench.runs.leases import Leases
leases = Leases("gpus", Path(sys.argv[1]), free_without_lock=False)
print(leases.acquire("0"), flush=True)
sys.stdin.read()
"""


made: list[Leases] = []


@pytest.fixture(autouse=True)
def close_all() -> Iterator[None]:
    """What nothing refers to any more is closed, and so given back."""
    yield
    while made:
        made.pop().close()


def leases(folder: Path, *, free_without_lock: bool = False) -> Leases:
    made.append(Leases("gpus", folder, free_without_lock=free_without_lock))
    return made[-1]


def test_one_holder_at_a_time(tmp_path: Path) -> None:
    first, second = leases(tmp_path / "locks"), leases(tmp_path / "locks")
    assert first.acquire("0") and first.acquire("0")
    assert not second.acquire("0")
    assert second.acquire("MIG-GPU-8f/1/0")
    first.release("0", "never held")
    assert second.acquire("0")
    second.close()
    assert first.acquire("0")


def test_shared_holders_keep_out_one_that_wants_it_alone(tmp_path: Path) -> None:
    first, second, third = (leases(tmp_path / "locks") for _ in range(3))
    assert first.acquire("0", shared=True) and second.acquire("0", shared=True)
    assert not third.acquire("0")
    first.close()
    second.close()
    assert third.acquire("0")


def test_kill_9_gives_a_lease_back_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path / "locks")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "True\n"
        assert not leases(tmp_path / "locks").acquire("0")
        holder.kill()
        holder.wait()
        assert leases(tmp_path / "locks").acquire("0")


def test_a_copy_of_the_harness_that_outlives_it_keeps_no_lease(tmp_path: Path) -> None:
    holder = leases(tmp_path / "locks")
    assert holder.acquire("0")
    waits, goes = os.pipe()
    if (copy := os.fork()) == 0:
        os.close(goes)
        os.read(waits, 1)
        os._exit(0)
    holder.close()
    assert leases(tmp_path / "locks").acquire("0")
    os.close(goes)
    os.waitpid(copy, 0)


def test_processes_that_start_at_once_all_find_the_folder(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(lambda name: leases(tmp_path / "deep" / "locks").acquire(str(name)), range(64)))
    assert stat.S_IMODE((tmp_path / "deep" / "locks").stat().st_mode) == 0o1777


def test_of_many_at_once_one_gets_it(tmp_path: Path) -> None:
    holders = [leases(tmp_path / "locks") for _ in range(64)]
    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(lambda holder: holder.acquire("0"), holders)) == 1


def test_other_users_may_lock_whatever_the_umask_says(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        assert leases(tmp_path / "locks").acquire("0")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "locks").stat().st_mode) == 0o1777
    assert stat.S_IMODE((tmp_path / "locks" / "0.lock").stat().st_mode) == 0o644


def test_a_folder_that_a_dying_harness_left_closed_is_opened(tmp_path: Path) -> None:
    (tmp_path / "locks").mkdir(mode=0o755)
    assert leases(tmp_path / "locks").acquire("0")
    assert stat.S_IMODE((tmp_path / "locks").stat().st_mode) == 0o1777


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
def test_the_lock_of_another_user_holds_and_can_be_taken_when_it_is_free() -> None:
    with tempfile.TemporaryDirectory() as folder:
        check_locks_between_users(Path(folder))


def check_locks_between_users(tmp_path: Path) -> None:
    holder = leases(tmp_path / "locks")
    assert holder.acquire("0")
    holder.close()
    tmp_path.chmod(0o755)
    script = HOLD.replace("leases =", "import os; os.setuid(12345); leases =", 1)
    for held in (True, False):
        if held:
            assert holder.acquire("0")
        result = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / "locks")], input="", capture_output=True, text=True, check=True
        )
        assert result.stdout == f"{not held}\n"
        holder.close()


def test_a_lock_that_was_tidied_away_is_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "locks"
    assert leases(folder).acquire("0")
    (folder / "0.lock").unlink()
    # the first holder cannot know
    first, second = leases(folder), leases(folder)
    assert first.acquire("0")
    assert not second.acquire("0")


def make_link(folder: Path) -> None:
    (folder.parent / "elsewhere").mkdir()
    folder.symlink_to(folder.parent / "elsewhere")


def make_link_in_it(folder: Path) -> None:
    folder.mkdir()
    (folder / "0.lock").symlink_to(folder.parent / "elsewhere")


def make_file(folder: Path) -> None:
    folder.write_text("")


@pytest.mark.parametrize("mischief", [make_link, make_link_in_it, make_file])
def test_where_no_lock_can_be_made_the_log_says_so_once_and_nobody_waits(
    tmp_path: Path, mischief: object, caplog: pytest.LogCaptureFixture
) -> None:
    assert callable(mischief)
    mischief(tmp_path / "locks")
    with caplog.at_level(logging.WARNING, "mlebench"):
        assert not leases(tmp_path / "locks").acquire("0")
        assert leases(tmp_path / "locks", free_without_lock=True).acquire("0")
    assert len(caplog.messages) == 1
    assert f"no locks can be kept in {tmp_path / 'locks'}" in caplog.messages[0]
    # nothing was made, and no mode changed, where a link leads
    assert not (tmp_path / "elsewhere").exists() or [*(tmp_path / "elsewhere").iterdir()] == []
    assert not (tmp_path / "elsewhere").exists() or stat.S_IMODE((tmp_path / "elsewhere").stat().st_mode) != 0o1777


def test_a_pipe_in_the_place_of_a_lock_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "locks").mkdir()
    os.mkfifo(tmp_path / "locks" / "0.lock")
    assert leases(tmp_path / "locks").acquire("0") in (True, False)
