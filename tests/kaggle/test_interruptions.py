"""Whatever stops the work, nothing half made is taken for prepared, and the next call finishes the job."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlebench.cli.main import main
from mlebench.errors import WorkFailed
from mlebench.kaggle.download import download
from mlebench.preparation import is_prepared
from mlebench.registry import Competition, Registry
from tests.kaggle.conftest import IMAGES, TABLE, mock_zip, start_mlebench
from tests.kaggle.loopback import FILES, Fault, LoopbackKaggle
from tests.waiting import wait_until

PROBES_AND_DOWNLOAD = 3
"""Requests for a file that one `mlebench prepare` makes."""
_CHANGES = {"os.rename", "os.link", "os.mkdir", "os.remove", "os.rmdir", "os.truncate", "os.utime"}


def contents(competition: Competition) -> dict[str, str]:
    """Md5 of every prepared file but the record, which holds a date."""
    folder = competition.prepared_dir
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "prepared.json")
    return {path.relative_to(folder).as_posix(): hashlib.md5(path.read_bytes()).hexdigest() for path in files}


def run_until(change: int, words: list[str]) -> int:
    """Run `mlebench` in a fork that is killed before the n-th change of the file system; changes made, negative if killed."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        made = 0

        def count(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal made
            writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
            if event in _CHANGES or writes:
                made += 1
                if made == change:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        with Path(os.devnull).open("w") as nowhere:
            sys.stderr = nowhere
            code = main(words)
        os.write(writer, f"{code} {made}".encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as told:
        said = told.read()
    os.waitpid(child, 0)
    if not said:
        return -change
    code, made = map(int, said.split())
    assert code == 0
    return made


@pytest.mark.parametrize("name", [TABLE, IMAGES])
def test_kill_9_before_any_change_of_the_file_system(kaggle: LoopbackKaggle, tmp_path: Path, name: str) -> None:
    def words(data: Path) -> list[str]:
        return ["prepare", name, "--no-verify", "--data-dir", str(data)]

    # also imports everything once, so that forks are quick
    assert main(words(tmp_path / "whole")) == 0
    expected = contents(Registry(tmp_path / "whole").get_competition(name))
    total = run_until(0, words(tmp_path / "counted"))
    assert total > 20 and expected
    moments = sorted({1 + round(share * (total - 1) / 14) for share in range(15)})
    for moment in moments:
        data = tmp_path / f"killed-{moment}"
        competition = Registry(data).get_competition(name)
        assert run_until(moment, words(data)) < 0
        if competition.prepared_dir.exists():
            assert is_prepared(competition) and contents(competition) == expected
        assert run_until(0, words(data)) >= 0
        assert contents(competition) == expected
        assert {path.name for path in competition.root.iterdir()} <= {"prepared", "raw", ".lock", f"{name}.zip"}
        shutil.rmtree(data)


def test_kill_9_while_bytes_arrive(kaggle: LoopbackKaggle, tmp_path: Path) -> None:
    archive = mock_zip(IMAGES, 400)
    kaggle.contests[IMAGES].archive = archive
    root = Registry().get_competition(IMAGES).root
    for share in (0.2, 0.5):
        kaggle.faults[FILES] = [Fault(break_after=len(archive) // 3, hang=True)] * PROBES_AND_DOWNLOAD
        process = start_mlebench("prepare", IMAGES, "--no-verify")
        wait_until(lambda share=share: size_of(root / f"{IMAGES}.zip.part") > share * len(archive))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert not (root / f"{IMAGES}.zip").exists() and not (root / "raw").exists()
    kaggle.faults.clear()
    assert main(["prepare", IMAGES, "--no-verify"]) == 0
    assert is_prepared(Registry().get_competition(IMAGES))
    resumed = [int(request.range.removeprefix("bytes=").rstrip("-")) for request in kaggle.requests(FILES) if request.range]
    assert len(resumed) == 2 and resumed[0] > 0.2 * len(archive) and resumed[1] > 0.5 * len(archive)


def test_workers_end_with_a_parent_that_is_killed(kaggle: LoopbackKaggle) -> None:
    kaggle.bytes_per_second = 200
    process = start_mlebench("prepare", TABLE, IMAGES, "--no-verify", "--jobs", "2")
    parts = [Registry().get_competition(name).root / f"{name}.zip.part" for name in (TABLE, IMAGES)]
    wait_until(lambda: all(map(size_of, parts)))
    workers = children(process.pid)
    assert len(workers) >= 2
    process.kill()
    process.wait()
    wait_until(lambda: not any(is_alive(worker) for worker in workers))


def test_two_at_once_share_one_download_and_the_second_says_that_it_waits(kaggle: LoopbackKaggle) -> None:
    kaggle.bytes_per_second = 200
    first = start_mlebench("prepare", TABLE, "--no-verify")
    wait_until(lambda: size_of(Registry().get_competition(TABLE).root / f"{TABLE}.zip.part") > 0)
    second = start_mlebench("prepare", TABLE, "--no-verify")
    assert second.stderr is not None
    assert any("waiting for another process that is preparing it" in line for line in second.stderr)
    kaggle.bytes_per_second = None
    errors = [process.communicate(timeout=120)[1] for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), errors
    assert "already prepared" in errors[1]
    assert len(kaggle.requests(FILES)) == PROBES_AND_DOWNLOAD


def test_two_downloads_to_one_folder_share_one_file(kaggle: LoopbackKaggle, tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from mlebench.registry import Registry; "
        "from mlebench.data import download_dataset; "
        f"download_dataset(Registry().get_competition({TABLE!r}), Path(sys.argv[1]))"
    )
    kaggle.bytes_per_second = len(kaggle.contests[TABLE].archive) / 2
    both = [subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "here")]) for _ in range(2)]
    assert [process.wait(timeout=120) for process in both] == [0, 0]
    assert (tmp_path / "here" / f"{TABLE}.zip").read_bytes() == kaggle.contests[TABLE].archive
    assert len(kaggle.requests(FILES)) == 1
    assert [path.name for path in (tmp_path / "here").iterdir()] == [f"{TABLE}.zip"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Makes a file system of some bytes, or changes its size."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = False

    def of(size: int) -> Path:
        nonlocal mounted
        options = f"{'remount,' if mounted else ''}size={size}"
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], capture_output=True, text=True)
        if done.returncode and not os.environ.get("MLEBENCH_REQUIRE_TMPFS"):
            pytest.skip(f"a tmpfs cannot be mounted here: {done.stderr.strip()}")
        assert done.returncode == 0, done.stderr
        mounted = True
        return place

    yield of
    if mounted:
        subprocess.run(["umount", str(place)], check=True)


def test_a_disk_too_small_for_the_download_is_told_before_it_begins(
    kaggle: LoopbackKaggle, small_disk: Callable[[int], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    archive = mock_zip(IMAGES, 400)
    kaggle.contests[IMAGES].archive = archive
    data = small_disk(len(archive))
    words = ["prepare", IMAGES, "--no-verify", "--data-dir", str(data)]
    assert main(words) == 2
    error = capsys.readouterr().err
    assert "free" in error and "--data-dir" in error
    assert not (data / IMAGES).exists()
    small_disk(20 * len(archive))
    assert main(words) == 0


def test_a_disk_that_gets_full_in_the_download_keeps_what_came(kaggle: LoopbackKaggle, small_disk: Callable[[int], Path]) -> None:
    archive = mock_zip(IMAGES, 400)
    kaggle.contests[IMAGES].archive = archive
    data = small_disk(len(archive) // 2)
    competition = Registry(data).get_competition(IMAGES)
    with pytest.raises(WorkFailed, match=r"the disk is full while downloading .* free disk space and try again"):
        download(competition, data)
    kept = size_of(data / f"{IMAGES}.zip.part")
    assert kept > len(archive) // 4
    small_disk(2 * len(archive))
    assert download(competition, data).read_bytes() == archive
    assert [request.range for request in kaggle.requests(FILES)][-1] == f"bytes={kept}-"


def test_a_disk_that_gets_full_in_unpacking_keeps_the_zip(
    kaggle: LoopbackKaggle, small_disk: Callable[[int], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    # tables unpack to several times their size
    archive = mock_zip(TABLE, 6000)
    kaggle.contests[TABLE].archive = archive
    data = small_disk(int(2.3 * len(archive)))
    words = ["prepare", TABLE, "--no-verify", "--data-dir", str(data)]
    assert main(words) == 1
    assert "the disk is full while getting the raw data in" in capsys.readouterr().err
    root = data / TABLE
    assert (root / f"{TABLE}.zip").read_bytes() == archive and not (root / "raw").exists()
    small_disk(30 * len(archive))
    asked = len(kaggle.seen)
    assert main(words) == 0
    assert len(kaggle.seen) == asked


def test_a_disk_that_gets_full_in_preparing_leaves_nothing_half_made(
    kaggle: LoopbackKaggle, small_disk: Callable[[int], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = tmp_path / "raw"
    assert main(["mock", TABLE, "--out", str(raw), "--size", "5000"]) == 0
    size = sum(path.stat().st_size for path in raw.iterdir())
    data = small_disk(size // 2)
    words = ["prepare", TABLE, "--no-verify", "--from", str(raw), "--data-dir", str(data)]
    assert main(words) == 1
    assert f"{TABLE}: the disk is full while preparing in" in capsys.readouterr().err
    assert {path.name for path in (data / TABLE).iterdir()} == {".lock"}
    small_disk(20 * size)
    assert main(words) == 0
    assert is_prepared(Registry(data).get_competition(TABLE))


def size_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
