"""`mlebench verify` says in one sentence why something is not a bundle: exit code 2 for no file, 1 for a bundle that fails."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path

import pytest

from grading.printable import printable
from mlebench.cli.main import main
from mlebench.evidence.bundle import make_bundle
from mlebench.evidence.container import Container
from mlebench.runs.group import Group
from tests.evidence.toy_group import group, made, root

__all__ = ["group", "made", "root"]
HOW = "give the file that `mlebench bundle` wrote"


def said(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on standard error; nothing is on standard output."""
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and err.startswith("mlebench verify: ")
    return err.removeprefix("mlebench verify: ").rstrip()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The present folder, with a folder, a pipe and a link to nothing in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("nothing")
    (tmp_path / "file").write_text("text")
    return tmp_path


@pytest.mark.parametrize("more", [(), ("--json",), ("--regrade", "--jobs", "2")])
@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("none.zip", f"file none.zip not found; {HOW}"),
        ("link", f"file link not found; {HOW}"),
        ("file/inside", f"file file/inside not found; {HOW}"),
        ("folder", f"folder is a folder; {HOW}"),
        ("pipe", f"pipe is not a regular file; {HOW}"),
        ("/dev/null", f"/dev/null is not a regular file; {HOW}"),
        ("-", f"cannot verify standard input, as a bundle is read several times; {HOW}"),
        ("", f"the file name is empty; {HOW}"),
        ("\x1b[31m\n", f"file \\x1b[31m\\n not found; {HOW}"),
        ("n" * 400, f"cannot verify {printable('n' * 400, 300)}: File name too long"),
    ],
    ids=(
        "missing",
        "dangling link",
        "below a file",
        "folder",
        "pipe",
        "device",
        "standard input",
        "empty",
        "controls",
        "too long",
    ),
)
def test_what_is_no_file_is_wrong_usage(
    place: Path, given: str, sentence: str, more: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", given, *more]) == 2
    assert said(capsys) == sentence


def test_a_group_is_bundled_first(group: Group, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(group.folder)]) == 2
    assert said(capsys).startswith(f"{group.folder} is a run group; bundle it first with `mlebench bundle ")


def test_a_file_that_may_not_be_read_is_wrong_usage(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(path: Path) -> Container:
        raise PermissionError(13, "Permission denied", str(path))

    # root reads everything, so no mode of a file shows it
    monkeypatch.setattr(Container, "open", refuse)
    assert main(["verify", "file", "--json"]) == 2
    assert said(capsys) == "cannot verify file: Permission denied"


def no_bundles(folder: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(folder / "made.zip", "w") as archive:
        archive.writestr("a.txt", "text")
    return {
        "empty": b"",
        "text": b"only words\n" * 50,
        "one byte": b"P",
        "another zip": (folder / "made.zip").read_bytes(),
        "an end record alone": b"PK\x05\x06" + bytes(18),
        "zeros": bytes(4096),
    }


@pytest.mark.parametrize("kind", ["empty", "text", "one byte", "another zip", "an end record alone", "zeros"])
def test_a_file_that_is_no_bundle_fails_in_a_sentence(place: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("b.zip").write_bytes(no_bundles(place)[kind])
    assert main(["verify", "b.zip"]) == 1
    out, err = capsys.readouterr()
    assert err == "" and out.startswith("cannot read b.zip: ") and out.count("\n") == 1 and len(out) < 300


@pytest.mark.parametrize("kind", ["empty", "text", "another zip"])
def test_a_program_gets_a_whole_document_of_it(place: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("b.zip").write_bytes(no_bundles(place)[kind])
    assert main(["verify", "b.zip", "--json"]) == 1
    verdict = json.loads(capsys.readouterr().out)
    assert (verdict["bundle"], verdict["holds"], verdict["groups"]) == ("b.zip", False, [])
    assert [level["state"] for level in verdict["levels"]] == ["fails", *["not claimed"] * 6]
    assert len(verdict["levels"][0]["findings"]) == 1


def test_a_bundle_cut_short_fails(group: Group, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = make_bundle([group], tmp_path / "b.zip").path
    path.write_bytes(path.read_bytes()[:-100])
    assert main(["verify", str(path)]) == 1
    assert "cannot read " in capsys.readouterr().out


def test_a_bundle_that_holds_is_shown_level_by_level(group: Group, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = make_bundle([group], tmp_path / "b.zip").path
    assert main(["verify", str(path)]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in ("files", "signature", "plan", "ledgers", "scores", "sealed", "rules"))
    assert out.rstrip().endswith("All claims hold.")


@pytest.mark.parametrize(
    ("words", "said_of"),
    [(("--rules", "none-such"), "none-such"), (("--allowed-signers", "missing"), "missing"), (("--signer", "nobody"), "signer")],
)
def test_options_that_cannot_be_are_wrong_usage(
    place: Path, words: tuple[str, ...], said_of: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", "file", *words]) == 2
    assert said_of in said(capsys)
