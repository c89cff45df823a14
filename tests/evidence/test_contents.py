"""What an agent left enters a bundle as the plain files it is made of; everything else is only named, and nothing is followed."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from mlebench._support.folders import remove_tree
from mlebench.evidence import contents as module
from mlebench.evidence.contents import File, contents_of
from mlebench.evidence.names import is_name
from mlebench.runs.group import Group
from mlebench.runs.measures import FILE as MEASURES
from tests.ordinary_user import IS_ORDINARY, needs_root, run_as_ordinary_user

RUN = "groups/group/toy-a_seed0"


@pytest.fixture
def logs(group: Group) -> Path:
    return group.run_dir("toy-a_seed0") / "logs"


def files_of(group: Group) -> dict[str, File]:
    return {file.name: file for file in contents_of(group).files}


def reasons_of(group: Group) -> dict[str, str]:
    return {entry.name: entry.reason for entry in contents_of(group).no_files}


def test_a_group_is_all_its_files_and_its_agents(group: Group) -> None:
    (group.run_dir("toy-a_seed0") / MEASURES).write_text('{"at":1795999828.0}\n')
    found = files_of(group)
    assert found[f"{RUN}/run.json"].kind == "record"
    assert (found[f"{RUN}/run.log"].kind, found[f"{RUN}/run.log"].part) == ("log", "logs")
    assert (found[f"{RUN}/logs/training.log"].kind, found[f"{RUN}/logs/training.log"].part) == ("output", "logs")
    assert (found[f"{RUN}/code/src/model.py"].kind, found[f"{RUN}/code/src/model.py"].part) == ("output", "code")
    assert found[f"{RUN}/{MEASURES}"].kind == "output"
    assert found[f"{RUN}/submission/submission.csv"].kind == "submission"
    assert found[f"{RUN}/submission/notes.txt"].kind == "beside a submission"
    assert {"groups/group/group.yaml", "groups/group/grading_report.json", "agents/group/start.sh"} <= found.keys()
    assert list(found) == sorted(found) and all(map(is_name, found))


def test_what_says_nothing_of_a_result_is_left_away(group: Group) -> None:
    run_dir = group.run_dir("toy-a_seed0")
    before = contents_of(group)
    (group.folder / "2026-01-01T00-00-00_grading_report.json").write_text("{}")
    (group.folder / ".group.yaml.17.3").write_text("partial")
    (group.folder / "notes.txt").write_text("my own")
    (group.folder / "review.json").write_text("{}")
    (group.folder / "review").mkdir()
    (group.folder / "review" / "judge_calls.jsonl").write_text("{}")
    (run_dir / ".outcome.json").write_text("{}")
    (run_dir / "home").mkdir()
    (run_dir / "home" / "cache.bin").write_text("1")
    (run_dir / "stop").touch()
    assert contents_of(group) == before


def test_hidden_files_of_an_agent_are_its_files(group: Group, logs: Path) -> None:
    (logs / ".hidden").write_text("1")
    assert f"{RUN}/logs/.hidden" in files_of(group)


def test_an_earlier_attempt_is_a_run_of_its_own(group: Group) -> None:
    kept = group.run_dir("toy-a_seed0") / "attempts" / "1"
    (kept / "submission").mkdir(parents=True)
    (kept / "submission" / "submission.csv").write_text("id,y\n")
    (kept / "run.log").write_text("lost\n")
    (kept / "model_calls.jsonl").write_text("")
    found = files_of(group)
    assert found[f"{RUN}/attempts/1/submission/submission.csv"].kind == "submission"
    assert found[f"{RUN}/attempts/1/run.log"].kind == "log"
    assert found[f"{RUN}/attempts/1/model_calls.jsonl"].kind == "record"


def pipe(path: Path) -> None:
    os.mkfifo(path)


def listen(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)
    try:
        socket.socket(socket.AF_UNIX).bind(path.name)
    finally:
        os.chdir(here)


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda path: path.symlink_to("/etc/passwd"), "a link"),
        (lambda path: path.symlink_to("nowhere"), "a link"),
        (lambda path: path.symlink_to("/"), "a link"),
        (pipe, "a pipe"),
        (listen, "a socket"),
    ],
)
@pytest.mark.parametrize("place", ["logs/thing", "submission/thing", "run.log", "code"])
def test_what_is_no_file_is_named_and_not_followed(group: Group, place: str, make: Callable[[Path], None], what: str) -> None:
    path = group.run_dir("toy-a_seed0") / place
    if path.is_dir():
        path.rename(path.with_name(".away"))
    path.unlink(missing_ok=True)
    make(path)
    assert reasons_of(group) == {f"{RUN}/{place}": what}
    assert f"{RUN}/{place}" not in files_of(group)


def test_a_device_is_named(group: Group, logs: Path) -> None:
    try:
        os.mknod(logs / "null", 0o666 | 0o020000, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("only root makes devices")
    assert reasons_of(group) == {f"{RUN}/logs/null": "a device"}


def test_names_that_are_no_text_are_written_as_a_url_writes_them(group: Group, logs: Path) -> None:
    for name in (b"\xff\xfe", b"line\nend", b"%41", "käse".encode(), b"a b", b"\x1b[2J"):
        (logs / os.fsdecode(name)).write_text("1")
    found = {name.removeprefix(f"{RUN}/logs/") for name in files_of(group) if name.startswith(f"{RUN}/logs/")}
    assert found == {"%FF%FE", "line%0Aend", "%2541", "k%C3%A4se", "a b", "%1B[2J", "training.log"}


def test_a_tree_deeper_than_any_path_ends(group: Group, logs: Path) -> None:
    here = os.open(logs, os.O_RDONLY)
    try:
        for _ in range(3000):
            os.mkdir("d", dir_fd=here)
            inner = os.open("d", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = inner
        os.close(os.open("bottom", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    finally:
        os.close(here)
    try:
        ((name, reason),) = reasons_of(group).items()
        assert (name, reason) == (f"{RUN}/logs" + "/d" * 65, "too deep")
        assert f"{RUN}/logs/training.log" in files_of(group)
    finally:
        remove_tree(logs)


@pytest.mark.parametrize(("levels", "is_found"), [(20, True), (21, False)])
def test_paths_longer_than_the_system_takes_are_found_as_far_as_names_reach(
    group: Group, logs: Path, levels: int, is_found: bool
) -> None:
    here = os.open(logs, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("d" * 200, dir_fd=here)
        inner = os.open("d" * 200, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(os.open("bottom", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)
    assert any(name.endswith("/bottom") for name in files_of(group)) == is_found
    assert list(reasons_of(group).values()) == ([] if is_found else ["names too long"])


def test_of_too_many_files_the_folder_is_named(group: Group, logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_FILES", 50)
    (logs / "many").mkdir()
    for number in range(60):
        (logs / "many" / f"{number}.txt").touch()
    assert reasons_of(group) == {f"{RUN}/logs/many": "too many files"}
    assert f"{RUN}/logs/training.log" in files_of(group)


def test_a_closed_folder_is_named(group: Group, logs: Path) -> None:
    if not IS_ORDINARY:
        pytest.skip("root reads it")
    (logs / "closed").mkdir(mode=0o000)
    assert reasons_of(group) == {f"{RUN}/logs/closed": "not readable"}
    (logs / "closed").chmod(0o700)


@needs_root
def test_the_same_without_roots_rights() -> None:
    run_as_ordinary_user(__file__, "closed")


def test_an_agents_link_is_named_by_its_folder(group: Group, made: Path) -> None:
    link = made / "agents" / "scripted" / "shared.py"
    link.symlink_to("/etc/hostname")
    try:
        assert reasons_of(group) == {"agents/group/shared.py": "a link"}
    finally:
        link.unlink()


def test_without_the_agent_its_recorded_hashes_stand_there(group: Group) -> None:
    found = contents_of(group, with_agent=False)
    assert not any(file.kind == "agent" for file in found.files)
    recorded = group.manifest["agent_files"]
    assert {entry.name: entry.sha256 for entry in found.no_files} == {f"agents/group/{name}": recorded[name] for name in recorded}
