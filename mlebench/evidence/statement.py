"""The statement of a bundle: an in-toto Statement whose subjects are all its files, in a DSSE envelope.

Formats: https://in-toto.io/Statement/v1, https://github.com/secure-systems-lab/dsse (envelope and pre-authentication encoding).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from grading.printable import printable
from mlebench._support.files import parse_own_json
from mlebench._support.ledger import canonical

STATEMENT_FILE = "statement.dsse.json"
"""Last entry of a bundle; the only one that is not a subject."""
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:mlebench:bundle:1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MOST_SIGNATURES = 16
_LONGEST_SIGNATURE = 2**20


@dataclass(frozen=True)
class Subject:
    """A file of a bundle."""

    name: str
    sha256: str
    """In hexadecimal."""
    size: int
    """Bytes."""


@dataclass(frozen=True)
class LeftOut:
    """A file of a group that is in its bundle by hash alone."""

    name: str
    """What it would be called in the bundle."""
    reason: str
    """logs, transcripts, code, snapshots or agent (by option), large, competition data, or what it is if no file: a link, …"""
    size: int | None = None
    """Bytes; None for anything but a file."""
    sha256: str | None = None


@dataclass(frozen=True)
class Statement:
    """What a bundle says about itself, and what is signed."""

    subjects: tuple[Subject, ...]
    """Every file of the bundle, in the order of names."""
    left_out: tuple[LeftOut, ...] = ()
    """In the order of names."""
    groups: tuple[str, ...] = ()
    """Names of the run groups, in the order of names."""
    harness: Mapping[str, Any] = field(default_factory=dict)
    """`version` and `commit` of the harness that made the bundle."""

    def to_bytes(self) -> bytes:
        """The payload of the envelope: canonical JSON, the same for the same files."""
        return canonical(
            {
                "_type": STATEMENT_TYPE,
                "predicateType": PREDICATE_TYPE,
                "subject": [
                    {"name": entry.name, "digest": {"sha256": entry.sha256}, "annotations": {"size": entry.size}}
                    for entry in self.subjects
                ],
                "predicate": {
                    "groups": list(self.groups),
                    "harness": dict(self.harness),
                    "left_out": [vars(entry) for entry in self.left_out],
                },
            }
        )

    @classmethod
    def from_bytes(cls, payload: bytes) -> Statement:
        """The inverse of `to_bytes`, of a payload that anybody may have written; one that `to_bytes` would write otherwise has
        words that this reader does not know, which would be signed and shown to nobody.

        Raises:
            ValueError: it is not a statement of a bundle in this format; says what is wrong.
        """
        content = parse_own_json(payload)
        if not isinstance(content, Mapping) or content.get("_type") != STATEMENT_TYPE:
            raise ValueError(f"it is not an in-toto statement of type {STATEMENT_TYPE}")
        if content.get("predicateType") != PREDICATE_TYPE:
            raise ValueError(f"its predicateType is not {PREDICATE_TYPE}; a newer mlebench may know it")
        predicate = _mapping(content.get("predicate"), "predicate")
        return cls(
            subjects=tuple(_subject(entry) for entry in _sequence(content.get("subject"), "subject")),
            left_out=tuple(_left_out(entry) for entry in _sequence(predicate.get("left_out"), "left_out")),
            groups=tuple(_text(name, "groups") for name in _sequence(predicate.get("groups"), "groups")),
            harness=_mapping(predicate.get("harness"), "harness"),
        )


@dataclass(frozen=True)
class Envelope:
    """A DSSE envelope; its payload may be signed several times, or not at all."""

    payload: bytes
    signatures: tuple[tuple[str, bytes], ...] = ()
    """`keyid` and `sig` of each. A keyid names the kind of signature and the key, which only the signature itself proves."""

    @property
    def signed_bytes(self) -> bytes:
        """What signatures are made over: the pre-authentication encoding of the payload."""
        kind = PAYLOAD_TYPE.encode()
        return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(self.payload), self.payload)

    def to_bytes(self) -> bytes:
        """Canonical JSON."""
        return canonical(
            {
                "payloadType": PAYLOAD_TYPE,
                "payload": base64.b64encode(self.payload).decode(),
                "signatures": [{"keyid": keyid, "sig": base64.b64encode(sig).decode()} for keyid, sig in self.signatures],
            }
        )

    @classmethod
    def from_bytes(cls, content: bytes) -> Envelope:
        """The inverse of `to_bytes`, of content that anybody may have written.

        Raises:
            ValueError: it is not such an envelope.
        """
        parsed = parse_own_json(content)
        if not isinstance(parsed, Mapping) or parsed.get("payloadType") != PAYLOAD_TYPE:
            raise ValueError(f"it is not a DSSE envelope of {PAYLOAD_TYPE}")
        signatures = _sequence(parsed.get("signatures"), "signatures")
        if len(signatures) > _MOST_SIGNATURES:
            raise ValueError(f"it has more than {_MOST_SIGNATURES} signatures")
        return cls(_bytes(parsed.get("payload"), "payload"), tuple(_signature(entry) for entry in signatures))


def _subject(entry: Any) -> Subject:
    entry = _mapping(entry, "subject")
    digest = _mapping(entry.get("digest"), "digest")
    size = _mapping(entry.get("annotations"), "annotations").get("size")
    return Subject(_text(entry.get("name"), "name"), _hash(digest.get("sha256")), _size(size))


def _left_out(entry: Any) -> LeftOut:
    entry = _mapping(entry, "left_out")
    size, sha256 = entry.get("size"), entry.get("sha256")
    return LeftOut(
        _text(entry.get("name"), "name"),
        printable(_text(entry.get("reason"), "reason"), 100),
        None if size is None else _size(size),
        None if sha256 is None else _hash(sha256),
    )


def _signature(entry: Any) -> tuple[str, bytes]:
    entry = _mapping(entry, "signatures")
    sig = _bytes(entry.get("sig"), "sig")
    if len(sig) > _LONGEST_SIGNATURE:
        raise ValueError("a signature in it is too long")
    return _text(entry.get("keyid"), "keyid"), sig


def _mapping(value: Any, key: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"`{key}` is not an object")
    return value


def _sequence(value: Any, key: str) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"`{key}` is not a list")
    return value


def _text(value: Any, key: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"`{key}` is not a string")
    return value


def _hash(value: Any) -> str:
    if not isinstance(value, str) or not _SHA256.fullmatch(value):
        raise ValueError("`sha256` is not a digest of 64 lower-case hexadecimal digits")
    return value


def _size(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError("`size` is not a number of bytes")
    return value


def _bytes(value: Any, key: str) -> bytes:
    try:
        return base64.b64decode(_text(value, key), validate=True)
    except binascii.Error:
        raise ValueError(f"`{key}` is not base64") from None
