"""Cached facts are those that the files hold, whatever happens to files and cache."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlebench._support.paths import content_dir
from mlebench.errors import UsageError
from mlebench.registry import Registry, facts, facts_cache
from mlebench.registry.facts import CompetitionFacts, load_facts
from mlebench.registry.issues import Issue, load_issues
from tests.waiting import wait_until

NAME = "spaceship-titanic"
AN_HOUR_AGO = 3600 * 10**9


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache of the test's own, empty, in which files count as settled at once."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(facts_cache, "_SETTLED_NS", -AN_HOUR_AGO)
    # what earlier tests read and nobody wrote is not of this cache
    monkeypatch.setattr(facts_cache, "_unwritten", {})
    forget()
    yield facts_cache.cache_file()
    forget()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(content_dir("competitions") / NAME, tmp_path / "own" / NAME))


def forget() -> None:
    """Begin as a new process does."""
    facts_cache._entries.cache_clear()
    facts._loaded.cache_clear()


def written(folder: Path) -> CompetitionFacts:
    """The facts of a folder, which are in the cache afterwards."""
    found = load_facts(folder / "competition.yaml")
    facts_cache.write_cache()
    forget()
    return found


def refuse(path: Path) -> CompetitionFacts:
    raise AssertionError(f"{path} is read again")


def wait_for_a_tick(path: Path) -> None:
    """Until what is written from now on has another time than a file: these tests have nobody mind that it may not."""
    probe = path.with_name("probe")

    def has_ticked() -> bool:
        probe.touch()
        return probe.stat().st_ctime_ns > path.stat().st_ctime_ns

    wait_until(has_ticked, every=0.001)
    probe.unlink()


def edited(path: Path, change: Callable[[str], str]) -> None:
    wait_for_a_tick(path)
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")


def test_cached_facts_and_issues_are_those_that_were_parsed() -> None:
    folders = sorted(content_dir("competitions").glob("*/competition.yaml"))
    parsed = {path: (load_facts(path), load_issues(path.with_name("issues.yaml"))) for path in folders}
    facts_cache.write_cache()
    forget()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mlebench.registry.facts._facts_in", refuse)
        patch.setattr("mlebench.registry.issues._issues_in", refuse)
        for path, (facts, issues) in parsed.items():
            again, issues_again = load_facts(path), load_issues(path.with_name("issues.yaml"))
            assert (again, issues_again) == (facts, issues)
            # 1 and 1.0 are equal, and print differently
            assert repr(again) == repr(facts)
            assert repr(again.in_edition("v2")) == repr(facts.in_edition("v2"))
            assert all(isinstance(issue, Issue) for issue in issues_again)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("title: ", "title: Not "),
        lambda text: text.replace("version: ", "version: 1"),
    ],
)
def test_a_changed_file_is_read_again(folder: Path, change: Callable[[str], str]) -> None:
    before = written(folder)
    edited(folder / "competition.yaml", change)
    after = load_facts(folder / "competition.yaml")
    assert after != before


def test_a_change_of_neither_size_nor_time_is_seen(folder: Path) -> None:
    path = folder / "competition.yaml"
    before, status = written(folder), path.stat()
    edited(path, lambda text: text.replace("title: S", "title: T"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert path.stat().st_size == status.st_size
    assert load_facts(path).title != before.title


def test_a_file_put_in_the_place_of_another_is_read(folder: Path) -> None:
    path = folder / "competition.yaml"
    before = written(folder)
    other = path.with_name("other")
    wait_for_a_tick(path)
    other.write_text(path.read_text().replace("title: S", "title: T"))
    other.replace(path)
    assert load_facts(path).title != before.title


def test_a_file_that_has_just_changed_is_not_remembered(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts_cache, "_SETTLED_NS", AN_HOUR_AGO)
    (folder / "competition.yaml").touch()
    written(folder)
    assert not cache.exists()


def test_a_faulty_file_is_refused_each_time(folder: Path) -> None:
    written(folder)
    edited(folder / "competition.yaml", lambda text: text + "colour: blue\n")
    sentences = set()
    for _ in range(2):
        with pytest.raises(UsageError) as caught:
            written(folder)
        sentences.add(str(caught.value))
        forget()
    [sentence] = sentences
    assert "unknown key `colour`" in sentence


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[: len(content) // 2],
        lambda content: content.replace(b"Spaceship", b"Steamboat"),
        lambda content: b"\xff" + content,
        lambda content: content.partition(b"\n")[0] + b"\n[]",
        lambda content: b"0" + content[1:] if content[:1] != b"0" else b"1" + content[1:],
        lambda content: b"[" * 100_000,
    ],
)
def test_a_damaged_cache_is_passed_over_and_written_anew(folder: Path, cache: Path, damage: Callable[[bytes], bytes]) -> None:
    facts, sound = written(folder), cache.read_bytes()
    cache.write_bytes(damage(sound))
    assert written(folder) == facts
    assert cache.read_bytes() == sound


def test_facts_of_other_code_are_read_again(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = written(folder)
    cache.write_bytes(cache.read_bytes().replace(b"Spaceship", b"Steamboat"))
    body = cache.read_bytes().partition(b"\n")[2]
    monkeypatch.setattr(facts_cache, "_written_by", lambda: "of another version")
    cache.write_bytes(facts_cache._head(body) + b"\n" + body)
    assert load_facts(folder / "competition.yaml").title == facts.title.replace("Spaceship", "Steamboat")
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache.parents[2]))
    forget()
    assert load_facts(folder / "competition.yaml") == facts


def test_files_that_are_gone_are_forgotten(folder: Path, tmp_path: Path, cache: Path) -> None:
    written(folder)
    other = shutil.copytree(folder, tmp_path / "elsewhere" / NAME)
    shutil.rmtree(folder)
    written(other)
    assert b"elsewhere" in cache.read_bytes() and os.fsencode(folder) not in cache.read_bytes()


def test_what_another_process_wrote_meanwhile_is_kept(folder: Path, tmp_path: Path, cache: Path) -> None:
    other = Path(shutil.copytree(folder, tmp_path / "elsewhere" / NAME))
    load_facts(folder / "competition.yaml")
    unwritten = dict(facts_cache._unwritten)
    facts_cache._unwritten.clear()
    written(other)
    facts_cache._unwritten.update(unwritten)
    facts_cache.write_cache()
    assert b"elsewhere" in cache.read_bytes() and os.fsencode(folder) in cache.read_bytes()


def test_a_cache_folder_that_cannot_be_made_costs_nothing_but_time(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way")
    assert written(folder) == written(folder)


def test_a_users_own_folder_is_cached_as_ours_are(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLEBENCH_COMPETITIONS_PATH", str(folder.parent))
    edited(folder / "competition.yaml", lambda text: text.replace("title: ", "title: My "))
    for _ in range(2):
        assert Registry().get_competition(NAME).title.startswith("My ")
        facts_cache.write_cache()
        forget()


HEAVY = ("pandas", "numpy", "scipy", "sklearn", "pydantic", "yaml", "kaggle", "requests", "docker", "aiohttp")


@pytest.mark.parametrize(
    "words", [["list"], ["list", "--json"], ["info", NAME], ["info", "research-find-numeric"], ["status"], ["runs"]]
)
def test_the_second_call_of_a_command_that_shows_things_imports_nothing_heavy(words: list[str], tmp_path: Path) -> None:
    code = f"""
import sys
from mlebench.cli.main import main
from mlebench.registry import facts_cache
facts_cache._SETTLED_NS = -{AN_HOUR_AGO}
assert main({words!r}) == 0
print("\\n" + " ".join(name for name in {HEAVY!r} if name in sys.modules), end="")
"""
    folders = {"MLEBENCH_DATA_DIR": "data", "MLEBENCH_RUNS_DIR": "runs", "XDG_CACHE_HOME": "cache", "HOME": "home"}
    environment = {**os.environ, **{name: str(tmp_path / folder) for name, folder in folders.items()}}
    for _ in range(2):
        ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[-1] == ""
