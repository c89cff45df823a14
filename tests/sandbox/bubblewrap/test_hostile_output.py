"""An agent within walls of bubblewrap that writes what it should not harms nothing; what is legitimate comes out."""

from __future__ import annotations

import sys

import pytest

from tests.bubblewrap import needs_bubblewrap
from tests.sandbox.bubblewrap.conftest import Bench

pytestmark = needs_bubblewrap

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
attempt(lambda: os.symlink("../run.json", "relative-link"))
attempt(lambda: os.symlink("/", "root"))
attempt(lambda: os.mkfifo("pipe"))
attempt(lambda: os.mknod("disk", 0o60666, os.makedev(254, 0)))
open("..\\..\\up", "w").write("x")
open(b"broken-\xff\xfe", "w").write("x")
open("-rf", "w").write("x")
with open("huge", "wb") as file:
    file.truncate(20 * 2**30)
open("zz-after-the-huge-one.txt", "w").write("still here")
open("/home/submission/submission.csv", "w").write("id,y\n1,0\n")
subprocess.run(["chmod", "6777", "/home/code/solution.py"], check=True)
"""


def test_mischief_in_output_harms_nothing(bench: Bench) -> None:
    script = f"exec {sys.executable} /home/agent/mischief.py"
    ended = bench.run(script, files={"mischief.py": MISCHIEF}, profile={"max_output": 100 * 2**20})
    assert ended.outcome.state == "finished", ended.log
    code = ended.run_dir / "code"
    assert (code / "solution.py").read_text() == "print('legitimate')\n"
    assert (code / "zz-after-the-huge-one.txt").read_text() == "still here"
    assert (ended.run_dir / "submission" / "submission.csv").read_text() == "id,y\n1,0\n"
    assert (code / "solution.py").stat().st_mode & 0o7000 == 0
    for name in ("absolute-link", "relative-link", "root", "pipe", "huge"):
        assert f"left out code/{name}" in ended.log
    assert all(path.is_file() and not path.is_symlink() for path in code.iterdir())


@pytest.mark.parametrize("trick", ["rmdir /home/code", "mv /home/code /home/old", "rm -rf /home/logs; ln -s / /home/logs"])
def test_output_folders_cannot_be_replaced(bench: Bench, trick: str) -> None:
    ended = bench.run(f"echo ok > /home/submission/submission.csv; {trick}; exit 0")
    assert ended.outcome.state == "finished", ended.log
    assert all((ended.run_dir / name).is_dir() and not (ended.run_dir / name).is_symlink() for name in ("code", "logs"))
    assert (ended.run_dir / "submission" / "submission.csv").read_text() == "ok\n"


def test_a_submission_that_is_a_link_is_not_followed(bench: Bench) -> None:
    ended = bench.run("ln -s /home/data/train.csv /home/submission/submission.csv")
    assert list((ended.run_dir / "submission").iterdir()) == []
    assert "left out submission/submission.csv: a link" in ended.log


def test_a_log_is_not_the_agents_to_write(bench: Bench) -> None:
    ended = bench.run(
        "ls -a /home/.. /home; find / -xdev -name run.log 2>/dev/null; echo '[mlebench] 2026-01-01 00:00:00 forged'"
    )
    assert "run.log" not in " ".join(line for line in ended.said if "agent" not in line)
    assert "[agent: mle" in ended.log
