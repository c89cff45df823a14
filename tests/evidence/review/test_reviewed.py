"""A review reads the same of a group whether it lies in a folder or in a bundle, and never more than its bounds."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from mlebench.errors import BundleFault, UsageError
from mlebench.evidence.bundle import make_bundle
from mlebench.evidence.review import texts
from mlebench.evidence.review.reviewed import ReviewedGroup, ReviewedRun, reviewed_groups
from mlebench.runs.group import Group
from mlebench.runs.measures import FILE as MEASURES

RUN = "toy-a_seed0"


@pytest.fixture(params=["folder", "bundle"])
def source(request: pytest.FixtureRequest, group: Group, root: Path) -> Iterator[Path]:
    """A group's folder, or a bundle of it, with what the test wrote into it before it asks."""
    yield root / "bundle.mlebench.zip" if request.param == "bundle" else group.folder


def run_of(groups: Sequence[ReviewedGroup]) -> ReviewedRun:
    [group] = groups
    return next(run for run in group.runs if run.run_id == RUN)


def packed(group: Group, source: Path) -> Path:
    if source != group.folder:
        make_bundle([group], source)
    return source


def test_texts_stand_in_the_parts_in_which_they_were_left(group: Group, source: Path) -> None:
    (group.run_dir(RUN) / MEASURES).write_text('{"at":1795999828.0}\n')
    with reviewed_groups(packed(group, source)) as groups:
        run = run_of(groups)
        found = {text.name: text.part for text in run.texts()}
        assert found[f"{RUN}/code/src/model.py"] == "code"
        assert found[f"{RUN}/logs/training.log"] == "logs"
        assert found[f"{RUN}/run.log"] == "run.log"
        # a bundle names what lies beside a submission by its hash alone
        assert source != group.folder or found[f"{RUN}/submission/notes.txt"] == "output"
        assert [text.text for text in run.texts("code") if text.name.endswith("model.py")] == ["print('model')\n"]
        assert not any("run.json" in name or "submission.csv" in name or MEASURES in name for name in found)


def test_the_agents_folder_is_the_recorded_one_or_none(group: Group, source: Path) -> None:
    with reviewed_groups(packed(group, source)) as [reviewed]:
        assert {text.name for text in reviewed.agent_texts()} == {"agent/agent.yaml", "agent/start.sh"}
        assert (reviewed.agent_folder is None) == (source != group.folder)


def test_an_agents_folder_that_changed_since_is_not_at_hand(group: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(group.plan.agent), "fingerprint", lambda agent: "another")
    with reviewed_groups(group.folder) as [reviewed]:
        assert reviewed.agent_folder is None
        assert list(reviewed.agent_texts()) == []


def test_submission_and_competition_are_at_hand(group: Group, source: Path) -> None:
    with reviewed_groups(packed(group, source)) as groups:
        run = run_of(groups)
        assert run.submission is not None
        assert run.submission.read_text() == "id,y\na,1\nb,1\n"
        assert run.competition is not None
        assert run.has_own_answers


def test_nothing_is_followed(group: Group, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    code = group.run_dir(RUN) / "code"
    (code / "link.py").symlink_to(tmp_path / "secret.txt")
    os.mkfifo(code / "pipe.py")
    (group.run_dir(RUN) / "submission" / "submission.csv").unlink()
    (group.run_dir(RUN) / "submission" / "submission.csv").symlink_to(tmp_path / "secret.txt")
    with reviewed_groups(group.folder) as groups:
        run = run_of(groups)
        assert not any("secret" in text.text for text in run.texts())
        assert run.submission is None


def test_of_a_long_log_beginning_and_end_are_kept_with_their_lines(
    group: Group, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texts, "LARGEST_TEXT", 1000)
    lines = [f"line {number}" for number in range(1, 1001)]
    (group.run_dir(RUN) / "logs" / "long.log").write_text("\n".join(lines) + "\n")
    with reviewed_groups(packed(group, source)) as groups:
        [text] = [text for text in run_of(groups).texts("logs") if text.name.endswith("long.log")]
    assert len(text.text) <= 1000
    numbered = [(number, line) for number, line in text.numbered_lines() if line]
    assert numbered[0] == (1, "line 1")
    assert numbered[-1] == (1000, "line 1000")
    assert all(line == f"line {number}" for number, line in numbered)
    assert text.line_of(text.text.index("line 1000")) == 1000
    assert text.line_of(text.text.index("line 2")) == 2


def test_notebooks_are_their_code(group: Group, source: Path) -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# words"]},
        {"cell_type": "code", "source": ["import os\n", "x = 1"], "outputs": [{"data": {"image/png": "A" * 100}}]},
        {"cell_type": "code", "source": "y = 2"},
    ]
    (group.run_dir(RUN) / "code" / "work.ipynb").write_text(json.dumps({"cells": cells}))
    with reviewed_groups(packed(group, source)) as groups:
        [text] = [text for text in run_of(groups).texts("code") if text.is_notebook]
    assert text.text == "# %%\nimport os\nx = 1\n# %%\ny = 2\n"


def test_what_is_no_text_is_left_out(group: Group, source: Path) -> None:
    code = group.run_dir(RUN) / "code"
    (code / "weights.pt").write_bytes(b"text")
    (code / "blob.dat").write_bytes(b"\0\1\2" * 100)
    with reviewed_groups(packed(group, source)) as groups:
        names = {text.name.rpartition("/")[2] for text in run_of(groups).texts("code")}
    assert not {"weights.pt", "blob.dat"} & names


def test_of_a_conversation_what_is_new_stands_once(group: Group, source: Path) -> None:
    folder = group.run_dir(RUN) / "transcript"
    folder.mkdir()
    first = [{"role": "system", "content": "Work."}, {"role": "user", "content": "the task"}]
    call = {"id": "1", "type": "function", "function": {"name": "bash", "arguments": json.dumps({"command": "ls /home"})}}
    answer = {"role": "assistant", "content": None, "tool_calls": [call]}
    second = [*first, answer, {"role": "tool", "tool_call_id": "1", "content": "data"}]
    for number, messages, said in ((1, first, answer), (2, second, {"role": "assistant", "content": "done"})):
        texts_of = {"request": json.dumps({"messages": messages}), "response": json.dumps({"choices": [{"message": said}]})}
        (folder / f"{number:06d}.json.gz").write_bytes(gzip.compress(json.dumps(texts_of).encode()))
    (folder / "000003.json.gz").write_bytes(b"no gzip")
    with reviewed_groups(packed(group, source)) as groups:
        run = run_of(groups)
        heard = [
            (talk.name.rpartition("/")[2], said.role, said.text, [call.name for call in said.calls])
            for talk in run.talks
            for said in talk.news
        ]
        assert [(talk.asked, talk.has_tools) for talk in run.talks] == [(2, False), (4, False)]
        shown = "".join(text.text for text in run.texts("transcript"))
    assert heard == [
        ("000001.json.gz", "system", "Work.", []),
        ("000001.json.gz", "user", "the task", []),
        ("000001.json.gz", "agent", "", ["bash"]),
        ("000002.json.gz", "tool", "data", []),
        ("000002.json.gz", "agent", "done", []),
    ]
    assert shown.count("the task") == 1
    assert "command: ls /home" in shown


def test_ledgers_and_snapshots_are_read(group: Group, source: Path) -> None:
    reports = {"snapshots": [{"run_id": RUN, "seconds": at, "report": {"score": at / 10}} for at in (20, 10)]}
    (group.folder / "snapshot_reports.json").write_text(json.dumps(reports))
    (group.run_dir(RUN) / "checker_calls.jsonl").write_text('{"n": 1, "outcome": "refused"}\nno json\n')
    with reviewed_groups(packed(group, source)) as groups:
        run = run_of(groups)
        assert [entry["n"] for entry in run.ledger("checker_calls")] == [1]
        assert run.snapshot_scores == [(10.0, 1.0), (20.0, 2.0)]


def test_a_folder_of_groups_gives_each(group: Group) -> None:
    with reviewed_groups(group.folder.parent) as groups:
        assert [reviewed.group.name for reviewed in groups] == ["group"]


def test_what_holds_no_group_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="no run group"), reviewed_groups(tmp_path / "empty"):
        pass
    (tmp_path / "no.zip").write_bytes(b"none")
    with pytest.raises(BundleFault), reviewed_groups(tmp_path / "no.zip"):
        pass
