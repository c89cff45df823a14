"""`mlebench bundle` says what is in the file, what stands there by hash and why, and how others check it."""

from __future__ import annotations

import hashlib
import json
import os
import pty
from pathlib import Path

import pytest

from mlebench.cli.commands import bundle
from mlebench.cli.main import command_parser
from mlebench.errors import UsageError
from mlebench.evidence import verify
from mlebench.evidence.verdict import LEVELS, Finding, Level, Verdict
from mlebench.runs.group import Group
from tests.cli.small_terminal import Screen
from tests.evidence.toy_group import group, made, root

__all__ = ["group", "made", "root"]
KEY = "sk-proj-77AbCdEfGh0123456789xyz"


def run(*words: str) -> int:
    return bundle.run(command_parser("bundle", bundle).parse_args(words))


def test_a_group_is_bundled_beside_the_user(group: Group, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("group", "--no-check") == 0
    path = root / "group.mlebench.zip"
    shown = capsys.readouterr().out
    assert f"sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}" in shown
    assert "left out (competition data): groups/group/toy-a_seed0/code/copied.csv and 3 more" in shown
    assert "left out (not submitted): groups/group/toy-a_seed0/submission/notes.txt and 3 more" in shown
    assert "not signed" in shown and shown.rstrip().endswith("`mlebench verify group.mlebench.zip`")


def test_one_document_for_programs(group: Group, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("group", "-o", "x.zip", "--leave-out", "logs", "--leave-out", "code", "--json", "--no-check") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["bundle"] == "x.zip" and document["groups"] == ["group"] and document["checked"] is None
    assert {"logs", "code", "not submitted"} == {entry["reason"] for entry in document["left_out"]}


def test_limits_are_sizes(group: Group, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("group", "--largest-submission", "5b", "--largest-file", "10b", "--json", "--no-check") == 0
    large = {entry["name"] for entry in json.loads(capsys.readouterr().out)["left_out"] if entry["reason"] == "large"}
    assert {"groups/group/toy-a_seed0/submission/submission.csv", "groups/group/toy-a_seed0/code/src/model.py"} <= large
    with pytest.raises(UsageError, match="--largest-file: expected a size"):
        run("group", "--largest-file", "big", "--force")


def test_a_file_is_replaced_only_if_the_user_says_so(group: Group, root: Path) -> None:
    assert run("group", "--no-check") == 0
    with pytest.raises(UsageError, match="exists; replace it with `--force`"):
        run("group", "--no-check")
    assert run("group", "--no-check", "--force") == 0


def test_several_groups_need_a_name(group: Group, root: Path) -> None:
    with pytest.raises(UsageError, match="name the file for 2 groups with `-o`"):
        run("group", "group")


def test_a_secret_of_the_agent_is_refused(group: Group, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLEBENCH_SPLIT_KEY", KEY)
    (group.run_dir("toy-a_seed0") / "logs" / "training.log").write_text(KEY)
    with pytest.raises(UsageError, match=r"training\.log contains the value of MLEBENCH_SPLIT_KEY; .*--leave-out logs") as caught:
        run("group")
    assert KEY not in str(caught.value) and not (root / "group.mlebench.zip").exists()


def verdict_of(path: Path, failing: str | None) -> Verdict:
    levels = [
        Level(name, "fails", "one is another one", (Finding("groups/group/group.yaml", "it differs"),))
        if name == failing
        else Level(name, "holds", "all is well")
        for name in LEVELS
    ]
    return Verdict(str(path), "0" * 64, levels, ("group",))


@pytest.mark.parametrize(("failing", "code"), [(None, 0), ("plan", 1), ("ledgers", 1), ("rules", 0)])
def test_what_was_made_is_looked_at(
    group: Group,
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    failing: str | None,
    code: int,
) -> None:
    monkeypatch.setattr(verify, "verify_bundle", lambda path, options, listener: verdict_of(path, failing))
    assert run("group") == code
    shown = capsys.readouterr().out
    assert "level 1, files: holds; all is well" in shown and "level 5" not in shown
    assert ("groups/group/group.yaml: it differs" in shown) == (code == 1)


def test_a_terminal_is_left_clean(group: Group, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pty.openpty()
    monkeypatch.setenv("TERM", "xterm")
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr("sys.stderr", terminal)
        assert run("group", "--no-check") == 0
        # a bar of what took no time is never drawn
        terminal.write("end")
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert str(Screen(shown)) == "end" and Screen(shown).is_cursor_shown
