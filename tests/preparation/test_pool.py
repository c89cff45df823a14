"""Many competitions at once: each in a process of its own, within its memory, and none stops another."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from mlebench._support.paths import content_dir
from mlebench._support.steps import Step
from mlebench.cli.main import main
from mlebench.data import workers
from mlebench.errors import UsageError
from mlebench.preparation import PreparationOptions, is_prepared, pool, prepare_all
from mlebench.preparation.disk import Readiness, disk_need, look_ahead, require_space
from mlebench.registry import Registry

ROOT = Path(__file__).parents[2]
TABLE = "spaceship-titanic"
MOCK = PreparationOptions(mock=True)


@pytest.fixture
def twin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """A copy of a small competition under another id, whose `prepare` runs some lines first."""

    def make(name: str, lines: str = "pass") -> str:
        folder = tmp_path / "competitions" / name
        shutil.copytree(content_dir("competitions") / TABLE, folder)
        facts = yaml.safe_load((folder / "competition.yaml").read_text())
        (folder / "competition.yaml").write_text(yaml.safe_dump(facts | {"id": name}))
        first = "\n".join(f"    {line}" for line in lines.splitlines())
        old = (folder / "prepare.py").read_text()
        (folder / "prepare.py").write_text(re.sub(r"(?m)^(def prepare\([^\n]*\n)", rf"\1{first}\n", old))
        monkeypatch.setenv("MLEBENCH_COMPETITIONS_PATH", str(tmp_path / "competitions"))
        return name

    return make


def test_failures_of_every_kind_leave_the_others_alone(
    twin: Callable[..., str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = [
        twin("killed-one", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"),
        twin("crashing-one", "raise RuntimeError('a fault of ours')"),
        twin("sound-one"),
        twin("other-sound-one"),
    ]
    words = ["prepare", *ids, "--mock", "--jobs", "2", "--data-dir", str(tmp_path / "data")]
    assert main(words) == 1
    captured = capsys.readouterr()
    assert "killed-one: its preparation process was killed by SIGKILL" in captured.err
    assert "crashing-one: preparation failed unexpectedly (RuntimeError: a fault of ours)" in captured.err
    assert "a fault of ours" in (tmp_path / "data" / "crashing-one" / "error.log").read_text()
    assert "Traceback" not in captured.err
    rows = re.findall(r"(?m)^\W*([a-z-]+-one)\W+(\w+)", captured.out)
    assert rows == [
        ("killed-one", "failed"),
        ("crashing-one", "failed"),
        ("sound-one", "prepared"),
        ("other-sound-one", "prepared"),
    ]
    registry = Registry(tmp_path / "data")
    assert [is_prepared(registry.get_competition(name)) for name in ids] == [False, False, True, True]
    assert not registry.get_competition("killed-one").prepared_dir.exists()


def test_a_script_without_a_main_guard_is_not_imported_again(twin: Callable[..., str], tmp_path: Path) -> None:
    ids = [twin("first-one"), twin("second-one")]
    script = tmp_path / "script.py"
    script.write_text(
        "import mlebench\n"
        "from mlebench.preparation import PreparationOptions, prepare_all\n"
        "print('imported')\n"
        f"competitions = [mlebench.Registry('data').get_competition(name) for name in {ids}]\n"
        "for outcome in prepare_all(competitions, PreparationOptions(mock=True), jobs=2, memory=2 * 2**30):\n"
        "    print(outcome.competition_id, outcome.state)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, script], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("imported\nfirst-one prepared\nsecond-one prepared\n", "")


def test_memory_has_a_ceiling_that_is_told(twin: Callable[..., str], tmp_path: Path) -> None:
    greedy = twin("greedy-one", "hoard = bytearray(4 * 2**30)")
    registry = Registry(tmp_path / "data")
    outcomes = prepare_all(
        [registry.get_competition(greedy), registry.get_competition(twin("modest-one"))], MOCK, memory=2 * 2**30
    )
    assert [outcome.state for outcome in outcomes] == ["failed", "prepared"]
    assert "needs more than 2.0 GiB of memory" in outcomes[0].message and "--memory" in outcomes[0].message


def test_a_second_call_does_only_what_is_left(
    twin: Callable[..., str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    marker = tmp_path / "mended"
    ids = [twin("sound-one"), twin("faulty-one", f"from pathlib import Path as P\nassert P({str(marker)!r}).exists()")]
    words = ["prepare", *ids, "--mock", "--jobs", "2", "--data-dir", str(tmp_path / "data")]
    assert main(words) == 1
    marker.touch()
    capsys.readouterr()
    assert main(words) == 0
    error = capsys.readouterr().err
    assert "sound-one: already prepared" in error and "faulty-one: prepared in" in error


def test_progress_of_workers_reaches_the_caller(twin: Callable[..., str], tmp_path: Path) -> None:
    seen: list[Step] = []
    registry = Registry(tmp_path / "data")
    competitions = [registry.get_competition(twin(name)) for name in ("first-one", "second-one")]
    prepare_all(competitions, MOCK, jobs=2, listener=seen.append)
    assert {(step.subject, step.phase) for step in seen} >= {("first-one", "preparing"), ("second-one", "preparing")}
    assert [step.done for step in seen if not step.subject] == [0, 1, 2]
    assert [step for step in seen if step.subject == "first-one"][-1] == Step("first-one", "")


def test_what_was_prepared_before_counts_from_the_beginning(twin: Callable[..., str], tmp_path: Path) -> None:
    """It took no time, so it says nothing of the time that is left."""
    registry = Registry(tmp_path / "data")
    competitions = [registry.get_competition(twin(name)) for name in ("first-one", "second-one")]
    prepare_all(competitions[:1], MOCK)
    seen: list[Step] = []
    prepare_all(competitions, MOCK, listener=seen.append)
    assert [step.done for step in seen if not step.subject] == [1, 2]


@pytest.mark.parametrize(("jobs", "memory", "expected"), [(1, None, 6), (2, None, 3), (20, None, 1), (1, 2**30, 1)])
def test_competitions_share_the_cpus_for_their_tables(
    monkeypatch: pytest.MonkeyPatch, jobs: int, memory: int | None, expected: int
) -> None:
    monkeypatch.setattr(pool, "usable_cpus", lambda: 6)
    monkeypatch.setattr(workers, "_allowed", None)
    pool._share_cpus(jobs, memory)
    assert workers.allowed() == expected


def test_disk_needed_counts_links_once(registry: Registry) -> None:
    images = registry.get_competition("ranzcr-clip-catheter-line-classification")
    tables = registry.get_competition(TABLE)
    size = 10**9
    dropped = disk_need({images.id: size}, [images, tables], jobs=1, keep_raw=False)
    kept = disk_need({images.id: size}, [images, tables], jobs=1, keep_raw=True)
    assert kept.likely < 1.1 * dropped.likely
    assert dropped.likely < 2.5 * size
    assert dropped.surely == 2 * size
    both = disk_need({images.id: size, tables.id: size}, [images, tables], jobs=2, keep_raw=False)
    assert both.likely > dropped.likely + 4 * size
    assert disk_need({}, [images], jobs=1, keep_raw=False).likely == 0


def test_space_that_cannot_do_is_refused_and_space_that_may_not_do_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registry: Registry
) -> None:
    tables = registry.get_competition(TABLE)
    need = disk_need({TABLE: 10**9}, [tables], jobs=1, keep_raw=False)
    for free, verdict in ((10**12, None), (3 * 10**9, "may be needed")):
        monkeypatch.setattr("mlebench.preparation.disk.free_space", lambda folder, free=free: free)
        found = require_space(need, tmp_path)
        assert found is None if verdict is None else verdict in str(found)
    monkeypatch.setattr("mlebench.preparation.disk.free_space", lambda folder: 10**9)
    with pytest.raises(UsageError, match="--data-dir"):
        require_space(need, tmp_path)


def test_disk_needed_after_a_begun_download_counts_the_whole_zip_when_it_is_unpacked(registry: Registry) -> None:
    images = registry.get_competition("ranzcr-clip-catheter-line-classification")
    size = 10**9
    fresh = Readiness([], [], [images], {images.id: size}).need(jobs=1, keep_raw=False)
    begun = Readiness([], [], [images], {images.id: size // 10}, {images.id: size - size // 10}).need(jobs=1, keep_raw=False)
    whole = Readiness([], [images], [], arrived={images.id: size}).need(jobs=1, keep_raw=False)
    assert fresh.surely - begun.surely == fresh.likely - begun.likely == size - size // 10
    assert fresh.surely - whole.surely == fresh.likely - whole.likely == size
    assert whole.surely == size


def test_zips_that_are_here_are_looked_ahead_at(registry: Registry) -> None:
    competition = registry.get_competition(TABLE)
    competition.root.mkdir(parents=True)
    (competition.root / f"{TABLE}.zip").write_bytes(bytes(1000))
    found = look_ahead([competition], PreparationOptions())
    assert (found.at_hand, found.to_download, found.arrived) == ([competition], [], {TABLE: 1000})
