"""Level 2 is about whom the reader trusts, not about whether there is a signature."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlebench.evidence import ssh_keys
from mlebench.evidence.levels.signature import signature_level
from mlebench.evidence.signature import signer_of, trusted_signers
from mlebench.evidence.statement import Envelope
from mlebench.evidence.trust import TrustedSigners
from mlebench.evidence.verdict import Level
from tests.evidence.keys import make_key, public
from tests.evidence.stated import opened

PAYLOAD = b"{}"
DATA = Envelope(PAYLOAD).signed_bytes


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return make_key(tmp_path / "key")


@pytest.fixture
def trusted(tmp_path: Path, key: Path) -> TrustedSigners | None:
    (tmp_path / "allowed").write_text(f"me {public(key)}\n")
    return trusted_signers(tmp_path / "allowed", None)


def level(tmp_path: Path, trusted: TrustedSigners | None, *signatures: tuple[str, bytes]) -> tuple[Level, str | None]:
    return signature_level(opened(tmp_path, envelope=Envelope(PAYLOAD, signatures)), trusted)


def test_nobody_named(tmp_path: Path, key: Path) -> None:
    unsigned, _ = level(tmp_path, None)
    assert (unsigned.state, unsigned.summary) == ("not claimed", "it is not signed")
    signed, signer = level(tmp_path, None, signer_of(str(key)).sign(DATA))
    assert signed.state == "not claimed" and "SHA256:" in signed.summary and "--signer github:NAME" in signed.summary
    assert signer is None


def test_somebody_named(tmp_path: Path, key: Path, trusted: TrustedSigners) -> None:
    found, signer = level(tmp_path, trusted, signer_of(str(key)).sign(DATA))
    assert (found.state, found.summary, signer) == ("holds", "signed by me", "me")


@pytest.mark.parametrize("case", ["unsigned", "other key", "other bytes"])
def test_what_fails_where_somebody_is_named(tmp_path: Path, key: Path, trusted: TrustedSigners, case: str) -> None:
    signatures = {
        "unsigned": (),
        "other key": (signer_of(str(make_key(tmp_path / "other"))).sign(DATA),),
        "other bytes": (signer_of(str(key)).sign(DATA + b" "),),
    }
    found, signer = level(tmp_path, trusted, *signatures[case])
    assert found.state == "fails" and signer is None
    assert found.findings[0].file == "statement.dsse.json"


def test_a_signature_over_other_bytes_fails_whoever_is_named(tmp_path: Path, key: Path) -> None:
    found, _ = level(tmp_path, None, signer_of(str(key)).sign(DATA + b" "))
    assert found.state == "fails" and "over other bytes" in found.findings[0].message


def test_nobody_adds_a_signature_unseen(tmp_path: Path, key: Path, trusted: TrustedSigners) -> None:
    good = signer_of(str(key)).sign(DATA)
    found, signer = level(tmp_path, trusted, good, ("ssh:SHA256:x", b"garbage"))
    assert found.state == "fails" and signer is None and "1 of 2" in found.summary


def test_without_ssh_keygen_nothing_is_claimed(tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    signed = signer_of(str(key)).sign(DATA)
    monkeypatch.setattr(ssh_keys, "_works", lambda: False)
    found, _ = level(tmp_path, None, signed)
    assert found.state == "not claimed" and "openssh-client" in found.summary


def test_a_stranger_who_signs_too_is_flagged(tmp_path: Path, key: Path, trusted: TrustedSigners) -> None:
    other = signer_of(str(make_key(tmp_path / "other"))).sign(DATA)
    found, signer = level(tmp_path, trusted, other, signer_of(str(key)).sign(DATA))
    assert (found.state, signer) == ("holds", "me")
    assert "is not a valid key in" in found.flags[0].message
