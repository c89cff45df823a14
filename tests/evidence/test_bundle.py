"""A bundle holds what a stranger needs to check a group, the same bytes for the same group, no secret and no data of others."""

from __future__ import annotations

import base64
import bz2
import gzip
import hashlib
import io
import json
import lzma
import os
import random
import shutil
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlebench._support.steps import Step
from mlebench.errors import UsageError, WorkFailed
from mlebench.evidence import bundle as module
from mlebench.evidence.bundle import Limits, Made, make_bundle
from mlebench.evidence.statement import STATEMENT_FILE, Envelope, LeftOut, Statement
from mlebench.evidence.verify import VerifyOptions, verify_bundle
from mlebench.runs.group import Group
from mlebench.runs.lock import hold
from tests.evidence.toy_group import SCRIPT
from tests.sound_steps import assert_sound

RUN = "groups/group/toy-a_seed0"
KEY = "sk-proj-77AbCdEfGh0123456789xyz"


@pytest.fixture
def target(root: Path) -> Path:
    (root / "out").mkdir()
    return root / "out" / "group.mlebench.zip"


@pytest.fixture
def code(group: Group) -> Path:
    return group.run_dir("toy-a_seed0") / "code"


def entries(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def statement(path: Path) -> Statement:
    return Statement.from_bytes(Envelope.from_bytes(entries(path)[STATEMENT_FILE]).payload)


def left_out(made: Made) -> dict[str, LeftOut]:
    return {entry.name: entry for entry in made.statement.left_out}


def test_every_file_is_a_subject_with_its_hash_and_size(group: Group, target: Path) -> None:
    made = make_bundle([group], target)
    found = entries(target)
    assert list(found)[-1] == STATEMENT_FILE
    stated = statement(target)
    assert stated == made.statement and stated.groups == ("group",)
    assert {entry.name: (entry.sha256, entry.size) for entry in stated.subjects} == {
        name: (hashlib.sha256(content).hexdigest(), len(content)) for name, content in found.items() if name != STATEMENT_FILE
    }
    assert (made.sha256, made.size) == (hashlib.sha256(target.read_bytes()).hexdigest(), target.stat().st_size)


def test_an_unpacked_group_is_opened_as_the_harness_reads_its_own(group: Group, target: Path, tmp_path: Path) -> None:
    make_bundle([group], target)
    with zipfile.ZipFile(target) as archive:
        archive.extractall(tmp_path / "unpacked")
    opened = Group.open(tmp_path / "unpacked" / "groups" / "group")
    assert opened.plan.sha256 == group.plan.sha256 and opened.records() == group.records()
    assert (tmp_path / "unpacked" / "agents" / "group" / "start.sh").read_text().endswith(SCRIPT)


def test_the_same_group_gives_the_same_bytes(group: Group, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = make_bundle([group], target).sha256
    for place, _, names in os.walk(group.folder):
        for name in names:
            path = Path(place, name)
            path.chmod(0o600)
            os.utime(path, (1, 1))
    monkeypatch.chdir("/")
    monkeypatch.setenv("LC_ALL", "tr_TR.UTF-8")
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    mask = os.umask(0o077)
    try:
        assert make_bundle([group], target, overwrite=True).sha256 == first
    finally:
        os.umask(mask)


def test_the_same_bytes_in_another_process_with_other_hashes(group: Group, target: Path) -> None:
    first = make_bundle([group], target).sha256
    program = """
import sys
from pathlib import Path

from mlebench.evidence.bundle import make_bundle
from mlebench.runs.group import Group

print(make_bundle([Group.open(Path(sys.argv[1]))], Path(sys.argv[2]), overwrite=True).sha256)
"""
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[2])}
        words = [sys.executable, "-c", program, str(group.folder), str(target)]
        assert subprocess.run(words, capture_output=True, text=True, env=environment, check=True).stdout.strip() == first


def test_groups_give_the_same_bytes_whatever_their_order(group: Group, root: Path, target: Path) -> None:
    shutil.copytree(group.folder, root / "runs" / "another")
    another = Group.open(root / "runs" / "another")
    first = make_bundle([group, another], target)
    assert make_bundle([another, group], target, overwrite=True).sha256 == first.sha256
    assert first.statement.groups == ("another", "group")


def test_data_of_competitions_stands_by_hash(group: Group, target: Path) -> None:
    copied = group.run_dir("toy-a_seed0") / "code" / "copied.csv"
    made = make_bundle([group], target)
    name = f"{RUN}/code/copied.csv"
    digest = hashlib.sha256(copied.read_bytes()).hexdigest()
    assert left_out(made)[name] == LeftOut(name, "competition data", copied.stat().st_size, digest)
    assert name not in entries(target)


def test_answers_that_an_agent_has_stand_by_hash(group: Group, target: Path, code: Path, made: Path) -> None:
    shutil.copy(made / "data" / "toy-b" / "prepared" / "private" / "test.csv", code / "found.csv")
    assert left_out(make_bundle([group], target))[f"{RUN}/code/found.csv"].reason == "competition data"


def test_a_submission_that_is_the_sample_is_a_result(group: Group, target: Path) -> None:
    make_bundle([group], target)
    assert entries(target)[f"{RUN}/submission/submission.csv"] == b"id,y\na,1\nb,1\n"


def test_what_lies_beside_a_submission_stands_by_hash(group: Group, target: Path) -> None:
    made = make_bundle([group], target)
    digest = hashlib.sha256(b"scratch\n").hexdigest()
    assert left_out(made)[f"{RUN}/submission/notes.txt"] == LeftOut(f"{RUN}/submission/notes.txt", "not submitted", 8, digest)


@pytest.mark.parametrize(
    ("part", "names"),
    [
        ("logs", {f"{RUN}/logs/training.log", f"{RUN}/run.log"}),
        ("code", {f"{RUN}/code/src/model.py"}),
        ("transcripts", {f"{RUN}/transcript/000001.json.gz"}),
        ("snapshots", {f"{RUN}/snapshots/000001.csv"}),
        ("agent", {"agents/group/start.sh", "agents/group/agent.yaml"}),
    ],
)
def test_parts_that_are_left_out_stand_by_hash(group: Group, target: Path, part: Any, names: set[str]) -> None:
    for folder, name in (("transcript", "000001.json.gz"), ("snapshots", "000001.csv")):
        (group.run_dir("toy-a_seed0") / folder).mkdir(exist_ok=True)
        (group.run_dir("toy-a_seed0") / folder / name).write_bytes(gzip.compress(b"{}", mtime=0))
    before = make_bundle([group], target).statement
    whole = {entry.name: entry.sha256 for entry in before.subjects} | {entry.name: entry.sha256 for entry in before.left_out}
    made = make_bundle([group], target, leave_out={part}, overwrite=True)
    found = {name: entry for name, entry in left_out(made).items() if entry.reason == part}
    assert names <= found.keys()
    assert {name: entry.sha256 for name, entry in found.items()} == {name: whole[name] for name in found}
    assert not names & entries(target).keys()


def test_large_files_stand_by_hash_and_logs_of_the_harness_do_not(group: Group, target: Path, code: Path) -> None:
    (code / "weights.bin").write_bytes(b"w" * 2000)
    (group.run_dir("toy-a_seed0") / "run.log").write_bytes(b"l" * 2000)
    made = make_bundle([group], target, limits=Limits(submission=5, file=1000))
    large = {name for name, entry in left_out(made).items() if entry.reason == "large"}
    assert f"{RUN}/code/weights.bin" in large and f"{RUN}/submission/submission.csv" in large
    assert f"{RUN}/run.log" in entries(target) and f"{RUN}/logs/training.log" in entries(target)


def test_more_files_than_a_bundle_holds_stand_by_hash(
    group: Group, target: Path, code: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(80):
        (code / f"{number:03d}.txt").write_text(str(number))
    monkeypatch.setattr(module, "MOST_ENTRIES", 120)
    made = make_bundle([group], target)
    assert left_out(made)[f"{RUN}/code/079.txt"].reason == "too many files"
    assert len(entries(target)) <= 120 and f"{RUN}/run.json" in entries(target)


def forms(text: str) -> dict[str, bytes]:
    raw = text.encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("deep/inside.txt", b"x" * 3000 + raw)
    within = io.BytesIO()
    with zipfile.ZipFile(within, "w") as archive:
        archive.writestr("inside.gz", gzip.compress(b"y" * 100 + raw))
    return {
        "plain.txt": b"before " + raw + b" behind",
        "wide.txt": text.encode("utf-16"),
        "base64.txt": base64.encodebytes(b"some words before it: " + raw + b" and behind"),
        "hex.txt": raw.hex().encode(),
        "at_a_blocks_end.bin": b"\0" * (2**20 - 5) + raw,
        "packed.gz": gzip.compress(b"z" * 5000 + raw),
        "two_members.gz": gzip.compress(b"first") + gzip.compress(raw),
        "packed.bz2": bz2.compress(raw),
        "packed.xz": lzma.compress(raw),
        "packed.zip": packed.getvalue(),
        "within.npz": within.getvalue(),
        "twice.gz": gzip.compress(gzip.compress(raw)),
        "no_ending": gzip.compress(raw),
    }


@pytest.mark.parametrize("name", forms(KEY))
def test_a_secret_in_any_form_is_refused_with_its_file_and_its_name(group: Group, target: Path, code: Path, name: str) -> None:
    (code / name).write_bytes(forms(KEY)[name])
    with pytest.raises(UsageError) as caught:
        make_bundle([group], target, secrets={"MODEL_KEY": KEY, "OTHER": "never-there-123"})
    assert f"{RUN}/code/{name} contains the value of MODEL_KEY" in str(caught.value) and KEY not in str(caught.value)
    assert "`--leave-out code`" in str(caught.value)
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize(
    "place", ["run.log", "logs/training.log", "submission/submission.csv", "transcript/000001.json.gz", "attempts/1/run.log"]
)
def test_a_secret_is_found_wherever_it_stands(group: Group, target: Path, place: str) -> None:
    path = group.run_dir("toy-a_seed0") / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(KEY.encode()) if place.endswith("gz") else KEY.encode())
    with pytest.raises(UsageError, match="contains the value of MODEL_KEY"):
        make_bundle([group], target, secrets={"MODEL_KEY": KEY})


def test_a_secret_in_a_name_is_refused_and_not_told(group: Group, target: Path, code: Path) -> None:
    (code / f"log of {KEY}.txt").touch()
    with pytest.raises(
        UsageError, match=r"the name of toy-a_seed0/code/log of \*\*\*\.txt contains the value of MODEL_KEY"
    ) as caught:
        make_bundle([group], target, secrets={"MODEL_KEY": KEY})
    assert KEY not in str(caught.value)


def test_a_secret_in_the_name_of_what_is_no_file_is_refused(group: Group, target: Path, code: Path) -> None:
    (code / KEY).symlink_to("nowhere")
    with pytest.raises(UsageError, match="MODEL_KEY") as caught:
        make_bundle([group], target, secrets={"MODEL_KEY": KEY})
    assert KEY not in str(caught.value)


def test_what_is_left_out_may_hold_a_secret(group: Group, target: Path, code: Path) -> None:
    (code / "a.txt").write_text(KEY)
    made = make_bundle([group], target, secrets={"MODEL_KEY": KEY}, leave_out={"code"})
    assert left_out(made)[f"{RUN}/code/a.txt"].reason == "code"
    assert not any(KEY.encode() in content for content in entries(target).values())


def encrypted() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.txt", b"1" * 50)
    content = bytearray(packed.getvalue())
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("bomb.gz", lambda: gzip.compress(b"\0" * (200 * 2**20), 1)),
        ("encrypted.zip", encrypted),
        ("deep.gz", lambda: gzip.compress(gzip.compress(gzip.compress(gzip.compress(b"1"))))),
    ],
)
def test_what_cannot_be_searched_stands_by_hash(
    group: Group, target: Path, code: Path, name: str, content: Callable[[], bytes]
) -> None:
    (code / name).write_bytes(content())
    made = make_bundle([group], target, secrets={"MODEL_KEY": KEY})
    entry = left_out(made)[f"{RUN}/code/{name}"]
    assert (entry.reason, entry.sha256) == ("not searchable", hashlib.sha256((code / name).read_bytes()).hexdigest())


@pytest.mark.parametrize("seed", range(20))
def test_damaged_archives_end_no_bundle(group: Group, target: Path, code: Path, seed: int) -> None:
    rng = random.Random(seed)
    for name, content in forms("harmless").items():
        broken = bytearray(content)
        for _ in range(5):
            broken[rng.randrange(len(broken))] = rng.randrange(256)
        (code / name).write_bytes(broken[: rng.randrange(1, len(broken) + 1)])
    make_bundle([group], target, secrets={"MODEL_KEY": KEY})


def change_state(group: Group) -> None:
    record = group.records()[0]
    record.state = "running"
    record.write(group.run_dir(record.run_id))


def damage_record(group: Group) -> None:
    (group.run_dir("toy-a_seed0") / "run.json").write_text("{")


def remove_report(group: Group) -> None:
    (group.folder / "grading_report.json").unlink()


def link_record(group: Group) -> None:
    path = group.run_dir("toy-a_seed0") / "run.json"
    path.rename(path.with_name("elsewhere.json"))
    path.symlink_to("elsewhere.json")


def remove_run(group: Group) -> None:
    shutil.rmtree(group.run_dir("toy-a_seed0"))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (change_state, "run group group has not ended: 1 of 4 runs left; `mlebench run --resume"),
        (damage_record, "`mlebench run --resume group` repeats the run"),
        (link_record, "`mlebench run --resume group` repeats the run"),
        (remove_run, "run group group has not ended: 1 of 4 runs left"),
        (remove_report, "grading_report.json is missing or not a file; `mlebench grade"),
    ],
)
def test_a_group_that_is_no_result_yet_is_refused(group: Group, target: Path, change: Callable[[Group], None], told: str) -> None:
    change(group)
    with pytest.raises(UsageError) as caught:
        make_bundle([group], target)
    assert told in str(caught.value) and "\n" not in str(caught.value)
    assert list(target.parent.iterdir()) == []


def test_a_group_at_work_is_refused(group: Group, target: Path) -> None:
    with hold(group.folder), pytest.raises(UsageError, match="is already running"):
        make_bundle([group], target)


def test_a_group_is_held_while_it_is_bundled(group: Group, target: Path) -> None:
    told = []

    def look(step: Step) -> None:
        with pytest.raises(UsageError, match="is already running"), hold(group.folder):
            told.append("nobody held it")

    make_bundle([group], target, listener=look)
    assert told == []


def test_packing_and_verifying_report_bytes_and_submissions(group: Group, target: Path) -> None:
    steps: list[Step] = []
    make_bundle([group], target, listener=steps.append)
    assert_sound(steps, phases=["bundling"])
    steps.clear()
    verify_bundle(target, VerifyOptions(regrade=True), steps.append)
    assert_sound(steps, phases=["unpacking", "grading"])


def test_two_groups_of_one_name_are_refused(group: Group, root: Path, target: Path) -> None:
    shutil.copytree(root / "runs", root / "other-runs")
    with pytest.raises(UsageError, match="share a name"):
        make_bundle([group, Group.open(root / "other-runs" / "group")], target)


def test_an_agent_that_changed_is_refused_by_its_files(group: Group, made: Path, target: Path) -> None:
    script = made / "agents" / "scripted" / "start.sh"
    was = script.read_bytes()
    script.write_bytes(was + b"\n# better\n")
    (script.parent / "new.py").touch()
    try:
        with pytest.raises(
            UsageError, match=r"has changed since the group was created: new.py \(new\), start.sh; .*--leave-out agent"
        ):
            make_bundle([group], target)
        without = left_out(make_bundle([group], target, leave_out={"agent"}))
    finally:
        script.write_bytes(was)
        (script.parent / "new.py").unlink()
    assert without["agents/group/start.sh"].sha256 == hashlib.sha256(was).hexdigest()


def test_a_link_in_an_agents_folder_is_refused(group: Group, made: Path, target: Path) -> None:
    script = made / "agents" / "scripted" / "start.sh"
    script.rename(made / "start.sh")
    script.symlink_to(made / "start.sh")
    try:
        with pytest.raises(
            UsageError, match=r"agents/group/start\.sh is a link, which a bundle never follows; replace it with the file"
        ):
            make_bundle([group], target)
    finally:
        script.unlink()
        (made / "start.sh").rename(script)


def test_targets_that_will_not_do_are_refused(group: Group, made: Path, target: Path) -> None:
    target.write_text("mine")
    for path, told in (
        (target, "exists; replace it with `--force`"),
        (target.parent, "is a folder"),
        (target.parent / "no" / "x.zip", "does not exist; create it"),
        (group.folder / "x.zip", "which is being bundled"),
        (group.run_dir("toy-a_seed0") / "logs" / "x.zip", "which is being bundled"),
        (made / "agents" / "scripted" / "x.zip", "which is being bundled"),
    ):
        with pytest.raises(UsageError, match=told):
            make_bundle([group], path)
    assert target.read_text() == "mine"
    make_bundle([group], target, overwrite=True)
    assert zipfile.is_zipfile(target)


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device"), RuntimeError])
def test_whatever_stops_it_leaves_nothing(group: Group, target: Path, error: Any) -> None:
    def stop(step: Step) -> None:
        if step.done > (step.total or 0) / 2:
            raise error

    target.write_text("older")
    with pytest.raises((KeyboardInterrupt, WorkFailed, RuntimeError)):
        make_bundle([group], target, overwrite=True, listener=stop)
    assert list(target.parent.iterdir()) == [target] and target.read_text() == "older"


def test_a_file_that_shrinks_while_it_is_read_is_told(group: Group, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = group.run_dir("toy-a_seed0") / "run.log"
    was = module._blocks

    def changing(stream: Any, file: Any) -> Any:
        if file.path == log:
            log.write_bytes(b"")
        return was(stream, file)

    monkeypatch.setattr(module, "_blocks", changing)
    with pytest.raises(WorkFailed, match=r"run\.log shrank while it was read"):
        make_bundle([group], target)
    assert list(target.parent.iterdir()) == []


def test_what_a_file_grows_by_while_it_is_read_is_no_part_of_it(
    group: Group, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = group.run_dir("toy-a_seed0") / "run.log"
    before, was = log.read_bytes(), module._blocks

    def growing(stream: Any, file: Any) -> Any:
        if file.path == log:
            with log.open("ab") as writing:
                writing.write(b"more")
        return was(stream, file)

    monkeypatch.setattr(module, "_blocks", growing)
    make_bundle([group], target)
    assert entries(target)[f"{RUN}/run.log"] == before


def test_a_group_that_may_only_be_read_is_bundled(group: Group, target: Path) -> None:
    (group.folder / ".lock").unlink(missing_ok=True)
    group.folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        make_bundle([group], target)
    finally:
        group.folder.chmod(0o700)


class Recorder:
    def __init__(self) -> None:
        self.signed: list[bytes] = []

    def sign(self, data: bytes) -> tuple[str, bytes]:
        self.signed.append(data)
        return "ssh:SHA256:abc", b"signature"


def test_the_statement_is_what_is_signed(group: Group, target: Path) -> None:
    signer = Recorder()
    made = make_bundle([group], target, signer=signer)
    envelope = Envelope.from_bytes(entries(target)[STATEMENT_FILE])
    assert signer.signed == [envelope.signed_bytes]
    assert envelope.signatures == (("ssh:SHA256:abc", b"signature"),) and made.keyid == "ssh:SHA256:abc"


def test_no_secret_of_the_harness_stands_in_the_list_of_files(group: Group, target: Path) -> None:
    make_bundle([group], target)
    listed = json.loads(Envelope.from_bytes(entries(target)[STATEMENT_FILE]).payload)
    assert set(listed["predicate"]) == {"groups", "harness", "left_out"}
