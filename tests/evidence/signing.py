"""Signatures under a bundle that are not what they seem."""

from __future__ import annotations

import base64
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from mlebench._support.ledger import canonical
from mlebench.evidence.ssh_keys import SshSigner
from mlebench.evidence.statement import Envelope
from tests.evidence.tampering import Contents

Signing = Callable[[Contents, Path], None]
"""Changes the signatures of a bundle; the folder holds the keys `mine` and `other`."""
SIGNINGS: dict[str, Signing] = {}


def signing(make: Signing) -> Signing:
    SIGNINGS[make.__name__] = make
    return make


def sign(contents: Contents, key: Path, data: bytes | None = None) -> dict[str, str]:
    """A good signature over the statement, or over other bytes."""
    payload = canonical(contents.statement) if contents.payload is None else contents.payload
    keyid, sig = SshSigner(key).sign(Envelope(payload).signed_bytes if data is None else data)
    return {"keyid": keyid, "sig": base64.b64encode(sig).decode()}


def sign_for(namespace: str, data: bytes, key: Path) -> str:
    """A signature for another purpose, in base64."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "data")
        path.write_bytes(data)
        subprocess.run(["ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", str(key), str(path)], check=True)
        return "".join(line for line in Path(folder, "data.sig").read_text().splitlines() if not line.startswith("-"))


def better(contents: Contents) -> Contents:
    """The bundle with a better score, restated."""
    made = contents.copied()
    with made.record("demo-wine_seed0") as record:
        record["report"]["score"] = 0.01
    return made.restated()


def _patched(sig: str, place: int) -> str:
    raw = bytearray(base64.b64decode(sig))
    raw[place] ^= 1
    return base64.b64encode(bytes(raw)).decode()


@signing
def none(contents: Contents, keys: Path) -> None:
    contents.signatures = []


@signing
def by_another_key(contents: Contents, keys: Path) -> None:
    contents.signatures = [sign(contents, keys / "other")]


@signing
def by_another_key_under_the_name_of_mine(contents: Contents, keys: Path) -> None:
    contents.signatures = [{**sign(contents, keys / "other"), "keyid": contents.signatures[0]["keyid"]}]


@signing
def over_a_better_statement(contents: Contents, keys: Path) -> None:
    signatures, made = contents.signatures, better(contents)
    contents.files, contents.statement, contents.payload = made.files, made.statement, None
    contents.signatures = signatures


@signing
def over_the_payload_without_its_type(contents: Contents, keys: Path) -> None:
    assert contents.payload is not None
    contents.signatures = [sign(contents, keys / "mine", contents.payload)]


@signing
def for_another_purpose(contents: Contents, keys: Path) -> None:
    assert contents.payload is not None
    data = Envelope(contents.payload).signed_bytes
    contents.signatures = [{**contents.signatures[0], "sig": sign_for("git", data, keys / "mine")}]


@signing
def with_a_keyid_of_nobody(contents: Contents, keys: Path) -> None:
    contents.signatures = [{**contents.signatures[0], "keyid": "ssh:SHA256:" + "A" * 43}]


@signing
def of_another_kind(contents: Contents, keys: Path) -> None:
    contents.signatures = [{**contents.signatures[0], "keyid": "pgp:0123456789"}]


@signing
def of_sigstore(contents: Contents, keys: Path) -> None:
    contents.signatures = [{"keyid": "sigstore:me@example.org", "sig": base64.b64encode(b"{}").decode()}]


@signing
def cut_off(contents: Contents, keys: Path) -> None:
    sig = base64.b64decode(contents.signatures[0]["sig"])[:-10]
    contents.signatures = [{**contents.signatures[0], "sig": base64.b64encode(sig).decode()}]


@signing
def of_nothing(contents: Contents, keys: Path) -> None:
    contents.signatures = [{**contents.signatures[0], "sig": ""}]


@signing
def of_noise(contents: Contents, keys: Path) -> None:
    contents.signatures = [{**contents.signatures[0], "sig": base64.b64encode(b"SSHSIG" + bytes(500)).decode()}]


@signing
def with_another_last_bit(contents: Contents, keys: Path) -> None:
    contents.signatures = [{**contents.signatures[0], "sig": _patched(contents.signatures[0]["sig"], -1)}]


@signing
def with_another_bit_in_its_key(contents: Contents, keys: Path) -> None:
    contents.signatures = [{**contents.signatures[0], "sig": _patched(contents.signatures[0]["sig"], 40)}]


@signing
def with_more_behind_it(contents: Contents, keys: Path) -> None:
    sig = base64.b64decode(contents.signatures[0]["sig"]) + b"more"
    contents.signatures = [{**contents.signatures[0], "sig": base64.b64encode(sig).decode()}]


@signing
def and_a_broken_one(contents: Contents, keys: Path) -> None:
    contents.signatures += [{**contents.signatures[0], "sig": _patched(contents.signatures[0]["sig"], -1)}]
