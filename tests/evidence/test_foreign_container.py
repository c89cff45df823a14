"""A bundle that another program packed again fails level 1 alone, and what was changed in it is found by the levels below."""

from __future__ import annotations

import json
import stat
import zipfile
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from mlebench.evidence.bundle import make_bundle
from mlebench.evidence.statement import STATEMENT_FILE
from mlebench.evidence.verdict import Verdict
from mlebench.evidence.verify import verify_bundle
from mlebench.runs.group import Group

Change = Callable[[dict[str, bytes]], None]


@pytest.fixture
def packed_again(group: Group, tmp_path: Path) -> Callable[..., Verdict]:
    """The verdict on a bundle whose files were changed, and packed by Python's zipfile."""
    made = make_bundle([group], tmp_path / "made.zip")
    with zipfile.ZipFile(made.path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}

    def verdict(change: Change = lambda files: None, modes: Mapping[str, int] | None = None, twice: str = "") -> Verdict:
        change(files)
        target = tmp_path / "again.zip"
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                info = zipfile.ZipInfo(name)
                info.external_attr = (modes or {}).get(name, 0) << 16
                for _ in range(1 + (name == twice)):
                    archive.writestr(info, content)
        return verify_bundle(target)

    return verdict


def one_of(files: dict[str, bytes], end: str) -> str:
    return next(name for name in files if name.endswith(end))


def states(verdict: Verdict) -> dict[str, str]:
    return {level.name: level.state for level in verdict.levels}


def test_only_its_form_fails(packed_again: Callable[..., Verdict]) -> None:
    verdict = packed_again()
    assert (states(verdict)["files"], states(verdict)["plan"], states(verdict)["ledgers"]) == ("fails", "holds", "holds")
    (finding,) = verdict.level("files").findings
    assert "not written by `mlebench bundle`" in finding.message
    assert not verdict.holds


def test_a_statement_in_other_words_is_read_and_told(packed_again: Callable[..., Verdict]) -> None:
    def indent(files: dict[str, bytes]) -> None:
        envelope = json.loads(files[STATEMENT_FILE])
        envelope["payload"] = b64encode(json.dumps(json.loads(b64decode(envelope["payload"])), indent=1).encode()).decode()
        files[STATEMENT_FILE] = json.dumps(envelope).encode()

    verdict = packed_again(indent)
    assert [finding.file for finding in verdict.level("files").findings] == ["", STATEMENT_FILE]
    assert states(verdict)["plan"] == "holds"


def test_a_better_score_is_told_with_its_file(packed_again: Callable[..., Verdict]) -> None:
    def better(files: dict[str, bytes]) -> None:
        name = one_of(files, "/run.json")
        record = json.loads(files[name])
        record["report"]["score"] = 123.0
        files[name] = json.dumps(record).encode()

    verdict = packed_again(better)
    assert any(finding.file.endswith("/run.json") for finding in verdict.level("files").findings)
    assert states(verdict)["scores"] == "fails"


def test_a_longer_time_limit_is_told(packed_again: Callable[..., Verdict]) -> None:
    def longer(files: dict[str, bytes]) -> None:
        name = one_of(files, "/group.yaml")
        files[name] = files[name].replace(b"time_limit: ", b"time_limit: 9", 1)

    verdict = packed_again(longer)
    assert any(finding.file.endswith("/group.yaml") for finding in verdict.level("plan").findings)


@pytest.mark.parametrize(
    "options",
    [
        {"modes": {STATEMENT_FILE: stat.S_IFLNK | 0o777}},
        {"twice": STATEMENT_FILE},
        {"change": lambda files: files.update({"../outside": b""})},
        {"change": lambda files: files.update({"/absolute": b""})},
        {"change": lambda files: files.update({STATEMENT_FILE + "/below": b""})},
        {"change": lambda files: files.update({"groups/bomb": bytes(256 * 2**20)})},
    ],
    ids=["link", "twice", "traversal", "absolute", "file and folder", "bomb"],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_what_cannot_be_read_safely_is_not_looked_into(
    packed_again: Callable[..., Verdict], options: dict[str, object], tmp_path: Path
) -> None:
    verdict = packed_again(**options)
    assert list(states(verdict).values()) == ["fails", *["not claimed"] * 6]
    assert not (tmp_path.parent / "outside").exists()
