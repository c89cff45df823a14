"""A bundle of a real group, signed and judged by rules as a reader does it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlebench.errors import UsageError
from mlebench.evidence.bundle import make_bundle
from mlebench.evidence.signature import signer_of
from mlebench.evidence.verdict import Level, LevelName
from mlebench.evidence.verify import VerifyOptions, verify_bundle
from mlebench.runs.group import Group
from tests.evidence.keys import make_key, public


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return make_key(tmp_path / "key")


@pytest.fixture
def signed(group: Group, tmp_path: Path, key: Path) -> Path:
    make_bundle([group], tmp_path / "signed.zip", signer=signer_of(str(key)))
    return tmp_path / "signed.zip"


def level(name: LevelName, path: Path, **options: object) -> Level:
    return verify_bundle(path, VerifyOptions(**options)).level(name)  # type: ignore[arg-type]


def test_a_reader_with_the_list_of_github(signed: Path, key: Path) -> None:
    Path("somebody.keys").write_text(f"{public(key)}\n")
    verdict = verify_bundle(signed, VerifyOptions(signer="github:somebody"))
    assert (verdict.level("signature").state, verdict.signer) == ("holds", "github:somebody")


def test_a_reader_who_trusts_another_key(signed: Path, tmp_path: Path) -> None:
    (tmp_path / "allowed").write_text(f"me {public(make_key(tmp_path / 'other'))}\n")
    verdict = verify_bundle(signed, VerifyOptions(allowed_signers=tmp_path / "allowed"))
    assert verdict.level("signature").state == "fails" and not verdict.holds and verdict.signer is None


def test_a_reader_without_their_file(signed: Path) -> None:
    with pytest.raises(UsageError, match="curl -fsSO"):
        verify_bundle(signed, VerifyOptions(signer="github:nobody"))


def test_the_same_key_signs_the_same_bytes(group: Group, signed: Path, tmp_path: Path, key: Path) -> None:
    make_bundle([group], tmp_path / "again.zip", signer=signer_of(str(key)))
    assert (tmp_path / "again.zip").read_bytes() == signed.read_bytes()


def test_plain_processes_are_not_sealed(signed: Path) -> None:
    sealed = level("sealed", signed)
    assert sealed.state == "not claimed" and "the sandbox is plain" in sealed.summary


def test_what_keeps_it_from_the_standard_board(signed: Path) -> None:
    rules = level("rules", signed, rules="standard")
    said = [finding.message for finding in rules.findings]
    assert rules.state == "fails"
    assert "level 5, scores, must hold and is not claimed" in " ".join(said)
    for words in ("its sandbox is plain", "states no model", "75 of 75 competitions of all", "on mock data|does not say"):
        assert any(word in message for message in said for word in words.split("|")), (words, said)


def test_rules_of_ones_own_are_satisfied(signed: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(
        "split: any\nseeds: 2\nsandbox: local\nmock_data: allow\nmedals: [submission, code, ledgers]"
    )
    rules = level("rules", signed, rules=str(tmp_path / "mine.yaml"))
    assert rules.state == "holds", rules
