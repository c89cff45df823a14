"""An agent that writes what it should not into its output harms nothing; what is legitimate comes out."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.sandbox.docker.conftest import Bench, until
from tests.waiting import wait_until

MISCHIEF = r"""
import os, subprocess
def attempt(work):
    try:
        work()
    except OSError as error:
        print("not made:", error)
os.chdir("/home/code")
open("solution.py", "w").write("print('legitimate')\n")
attempt(lambda: os.symlink("/etc/passwd", "absolute-link"))
attempt(lambda: os.symlink("../../../run.json", "relative-link"))
attempt(lambda: os.symlink("/", "root"))
attempt(lambda: os.link("solution.py", "hard-link"))
attempt(lambda: os.mkfifo("pipe"))
attempt(lambda: os.mknod("device", 0o20666, os.makedev(1, 3)))
attempt(lambda: os.mknod("disk", 0o60666, os.makedev(254, 0)))
attempt(lambda: os.mknod("whiteout", 0o20666, os.makedev(0, 0)))
open("..\\..\\up", "w").write("x")
open("line\nbreak\x1b[31m", "w").write("x")
open(b"broken-\xff\xfe", "w").write("x")
open("-rf", "w").write("x")
os.makedirs("/".join(["deep"] * 150))
with open("huge", "wb") as file:
    file.truncate(20 * 2**30)
open("zz-after-the-huge-one.txt", "w").write("still here")
os.mkdir("/home/logs/many")
for number in range(200_000):
    os.close(os.open(f"/home/logs/many/{number}", os.O_CREAT | os.O_WRONLY))
os.rename("/home/data", "/home/other") if os.path.exists("/home/never") else None
open("/home/submission/submission.csv", "w").write("id,y\n1,0\n")
subprocess.run(["chmod", "6777", "/home/code/solution.py"], check=True)
subprocess.run(["chmod", "0", "/home/logs/many"], check=True)
"""


def test_mischief_in_output_harms_nothing(bench: Bench) -> None:
    before = {path for path in bench.folder.parent.rglob("*") if bench.folder not in path.parents}
    script = "exec python /home/agent/mischief.py"
    ended = bench.run(script, files={"mischief.py": MISCHIEF}, profile={"time_limit": 300, "max_output": "100m"})
    assert ended.outcome.state == "finished", ended.log

    code = ended.run_dir / "code"
    assert (code / "solution.py").read_text() == "print('legitimate')\n"
    assert (code / "zz-after-the-huge-one.txt").read_text() == "still here"
    assert (ended.run_dir / "submission" / "submission.csv").read_text() == "id,y\n1,0\n"
    assert (code / "solution.py").stat().st_mode & 0o7000 == 0

    everything = [path for path in ended.run_dir.rglob("*") if path.name != "many"]
    assert all(not path.is_symlink() and (path.is_file() or path.is_dir()) for path in everything)
    assert 1000 < len(everything) < 30_000
    assert not (code / "huge").exists()
    for name in ("absolute-link", "relative-link", "root", "pipe", "huge"):
        assert f"left out code/{name}" in ended.log
    assert "left out logs/" in ended.log
    assert "\x1b" not in ended.log

    written = sum(path.stat().st_blocks * 512 for path in ended.run_dir.rglob("*") if path.is_file())
    assert written < 100 * 2**20
    after = {path for path in bench.folder.parent.rglob("*") if bench.folder not in path.parents}
    assert before == after
    # thousands of files would slow the clean-up of every later session of tests
    shutil.rmtree(ended.run_dir)


def test_submission_that_is_a_link_is_not_followed(bench: Bench) -> None:
    ended = bench.run("ln -s /home/data/sample_submission.csv /home/submission/submission.csv")
    assert list((ended.run_dir / "submission").iterdir()) == []
    assert "left out submission/submission.csv: a link" in ended.log


@pytest.mark.parametrize(
    ("tricks", "left_out"),
    [
        (
            "mv code old; ln -s /etc code; rmdir logs; echo file > logs",
            {"code/: a link, not a folder any more", "logs/: a file, not a folder any more"},
        ),
        (
            "rmdir code; mkfifo code; rmdir logs; ln -s /proc logs",
            {"code/: a pipe, not a folder any more", "logs/: a link, not a folder any more"},
        ),
        # the engine follows links on the way to what it hands out, and finds no end here
        ("rm -r code; chmod 0 logs; ln -s code code", {"code/: the engine did not provide it (error 500)"}),
    ],
)
def test_output_folders_replaced_by_other_things(bench: Bench, tricks: str, left_out: set[str]) -> None:
    ended = bench.run(f"cd /home; echo ok > submission/submission.csv; {tricks}")
    assert ended.outcome.state == "finished", ended.log
    assert not any(path.is_symlink() for path in Path(ended.run_dir).rglob("*"))
    assert (ended.run_dir / "submission" / "submission.csv").read_text() == "ok\n"
    assert all(f"left out {name}" in ended.log for name in left_out), ended.log


@pytest.mark.parametrize("link", ["ln -s /home/data submission", "ln -s submission submission"])
def test_a_submission_folder_that_is_a_link_is_not_followed(bench: Bench, link: str) -> None:
    ended = bench.run(f"cd /home; cp data/train.csv submission.csv; rmdir submission; {link}")
    assert ended.outcome.state == "finished", ended.log
    assert ended.outcome.resources["left_out"].keys() == {"submission/"}
    assert list((ended.run_dir / "submission").iterdir()) == []


@pytest.mark.parametrize(
    "link", ["ln -s submission.csv submission/submission.csv", "ln -s /proc/self/fd/0 submission/submission.csv"]
)
def test_a_submission_that_leads_in_a_circle_or_to_the_engine_loses_nothing_else(bench: Bench, link: str) -> None:
    ended = bench.run(f"cd /home; {link}; echo kept > submission/other; echo kept > logs/a")
    assert ended.outcome.state == "finished", ended.log
    assert "submission/submission.csv" in ended.outcome.resources["left_out"]
    assert (ended.run_dir / "submission" / "other").exists() and (ended.run_dir / "logs" / "a").exists()


GIANTS = r"""
import os
def empty(path, size):
    with open(path, "wb") as file:
        file.truncate(size)
for number in range(15):
    empty(f"/home/logs/{number:05d}", 4 * 2**30)
empty("/home/code/a-giant", 100 * 2**30)
open(b"/home/code/b-\xff\xfe", "w").write("no UTF-8")
open("/home/code/z", "w").write("kept")
os.chdir("/home/code")
for _ in range(int(os.environ["DEPTH"])):
    os.mkdir("d" * 200)
    os.chdir("d" * 200)
with open("/home/submission/submission.csv", "wb") as file:
    file.write(b"id,y\n")
    file.truncate(30 * 2**20)
"""


@pytest.mark.parametrize("depth", [0, 3000])
def test_giants_are_not_read_and_an_engine_that_cannot_list_a_tree_ends_nothing(bench: Bench, depth: int) -> None:
    """The engine refuses to list what was added where a path is too long."""
    ended = bench.run(
        "exec python /home/agent/giants.py", files={"giants.py": GIANTS}, environment={"DEPTH": str(depth)},
        profile={"max_output": "100m", "disk": "100000g"},
    )  # fmt: skip
    assert ended.outcome.state == "finished", ended.log
    submission = ended.run_dir / "submission" / "submission.csv"
    assert submission.stat().st_size == 30 * 2**20 and submission.stat().st_blocks * 512 < 2**20
    assert "left out code/a-giant: 100.0 GiB, more than may be extracted" in ended.log
    assert "left out logs/00000: 4.0 GiB" in ended.log
    if depth:
        assert "left out code/a-giant: and what comes after it: the engine did not provide it" in ended.log
    else:
        assert (ended.run_dir / "code" / "z").read_text() == "kept"


DEEP = """
import os, socket
os.chdir("/home/code")
socket.socket(socket.AF_UNIX).bind("socket")
os.mkfifo("pipe")
for folder in ("/home/code", "/home/logs"):
    os.chdir(folder)
    for _ in range(3000):
        os.mkdir("d")
        os.chdir("d")
open("/home/submission/submission.csv", "w").write("id,y\\n1,0\\n")
os.utime("/home/submission/submission.csv", (2**40, 2**40))
os.chmod("/home/submission/submission.csv", 0)
os.chmod("/home/submission", 0)
"""


def test_folders_deeper_than_any_path_lose_nothing_else(bench: Bench) -> None:
    ended = bench.run("exec python /home/agent/deep.py", files={"deep.py": DEEP}, profile={"snapshot_every": 1})
    assert ended.outcome.reason == "exited", ended.log
    assert (ended.run_dir / "submission" / "submission.csv").read_text() == "id,y\n1,0\n"
    assert "left out code/" in ended.log


def test_a_sparse_submission_is_not_read_to_its_end(bench: Bench) -> None:
    script = "truncate -s 90G /home/submission/submission.csv; echo kept > /home/submission/zz; echo kept > /home/logs/a"
    ended = bench.run(script)
    assert ended.outcome.reason == "exited", ended.log
    assert ended.outcome.resources["left_out"] == {"submission/submission.csv": "90.0 GiB, more than 4.0 GiB"}
    assert sorted(path.name for path in (ended.run_dir / "submission").iterdir()) == ["zz"]
    assert (ended.run_dir / "logs" / "a").exists()


@pytest.mark.parametrize(("end", "reason"), [("exit 143", "exit-code"), ("exit 137", "killed"), ("kill -TERM $$", "exit-code")])
def test_no_end_that_an_agent_chooses_is_the_infrastructures(bench: Bench, end: str, reason: str) -> None:
    ended = bench.run(end)
    assert (ended.outcome.state, ended.outcome.reason, ended.outcome.failure_class) == ("failed", reason, "agent"), ended.log


def test_secrets_are_masked_in_names_contents_and_snapshots(bench: Bench) -> None:
    script = """
        echo "a,$KEY" > "/home/submission/submission.csv"; touch -d '1 minute ago' /home/submission/submission.csv
        mkdir "/home/logs/$KEY"; echo "$KEY" > "/home/logs/$KEY/key-$KEY.txt"
    """
    secrets = {"environment": {"KEY": "sk-secret-value"}, "secrets": ("sk-secret-value",)}
    request = bench.request(script + until(), profile={"snapshot_every": 0.5}, **secrets)
    handle = bench.sandbox.start(request)
    with ThreadPoolExecutor() as pool:
        ending = pool.submit(bench.end, handle, request)
        wait_until(lambda: any((request.run_dir / "snapshots").glob("*.csv")))
        bench.let_go()
        ended = ending.result()
    assert (ended.run_dir / "logs" / "***" / "key-***.txt").read_text() == "***\n"
    kept = [path for path in ended.run_dir.rglob("*") if path.is_file() and b"secret-value" in path.read_bytes()]
    assert kept == []
    assert [path.read_text() for path in (ended.run_dir / "snapshots").iterdir()] == ["a,***\n"]
