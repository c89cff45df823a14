"""Bundles whose container or statement is not of the one form that they have."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from mlebench._support.ledger import canonical
from mlebench.evidence.statement import PAYLOAD_TYPE, STATEMENT_FILE
from tests.evidence.tampering import Contents, sha256

Form = Callable[[Contents, bytes], bytes]
"""Makes the bytes of a damaged bundle from what an untouched one holds, and its bytes."""
FORMS: dict[str, Form] = {}


def form(make: Form) -> Form:
    FORMS[make.__name__] = make
    return make


@dataclass
class Entry:
    """An entry as a bundle has it; what differs from that is said."""

    name: bytes
    content: bytes
    packed: bytes | None = None
    crc: int | None = None
    size: int | None = None
    method: int | None = None
    flags: int = 8
    date: int = (1 << 5) | 1
    time: int = 0
    needs: int = 20
    made_by: int = (3 << 8) | 45
    attributes: int = 0o100644 << 16
    extra: bytes = b""
    """Of the local header."""
    listed_extra: bytes = b""
    comment: bytes = b""
    listed_name: bytes | None = None
    listed_at: int | None = None
    between: bytes = b""
    """Behind it."""

    @property
    def how(self) -> int:
        if self.method is not None:
            return self.method
        return 0 if not self.content or self.name.endswith(b".gz") else 8

    @property
    def data(self) -> bytes:
        if self.packed is not None:
            return self.packed
        return self.content if self.how == 0 else _deflated(self.content)


def _deflated(content: bytes, level: int = 6) -> bytes:
    packing = zlib.compressobj(level, zlib.DEFLATED, -15)
    return packing.compress(content) + packing.flush()


def zipped(entries: list[Entry], between: bytes = b"", comment: bytes | None = None, before: bytes = b"") -> bytes:
    """A container of these entries, sealed; exactly a bundle's where nothing differs."""
    made, listed = before, b""
    for one in entries:
        at, data = len(made), one.data
        crc = zlib.crc32(one.content) if one.crc is None else one.crc
        size = len(one.content) if one.size is None else one.size
        head = (one.needs, one.flags, one.how, one.time, one.date)
        made += struct.pack("<4s5H3I2H", b"PK\3\4", *head, 0, 0, 0, len(one.name), len(one.extra)) + one.name + one.extra
        made += data + struct.pack("<4s3I", b"PK\7\x08", crc, len(data), size) + one.between
        name = one.name if one.listed_name is None else one.listed_name
        tail = (
            len(name),
            len(one.listed_extra),
            len(one.comment),
            0,
            0,
            one.attributes,
            at if one.listed_at is None else one.listed_at,
        )
        listed += struct.pack("<4s6H3I5H2I", b"PK\1\2", one.made_by, *head, crc, len(data), size, *tail)
        listed += name + one.listed_extra + one.comment
    start = len(made) + len(between)
    sealed = 64 if comment is None else len(comment)
    made += between + listed + struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, len(entries), len(entries), len(listed), start, sealed)
    return made + (sha256(made).encode() if comment is None else comment)


def resealed(content: bytes | bytearray) -> bytes:
    """The same with the seal that fits it."""
    return bytes(content[:-64]) + sha256(bytes(content[:-64])).encode()


def entries(contents: Contents) -> list[Entry]:
    every = [*sorted(contents.files.items()), (STATEMENT_FILE, contents.envelope)]
    return [Entry(name.encode(), content) for name, content in every]


def differing(contents: Contents, place: int = 0, **parts: Any) -> bytes:
    """A container one entry of which differs in some parts."""
    every = entries(contents)
    every[place] = replace(every[place], **parts)
    return zipped(every)


def _directory(content: bytes) -> int:
    """Where the central directory begins."""
    (start,) = struct.unpack_from("<I", content, content.rindex(b"PK\5\6") + 16)
    return int(start)


def _with_subject(contents: Contents, name: str, content: bytes) -> Contents:
    made = contents.copied()
    made.files[name] = content
    return made.restated()


LOG = "groups/group/demo-wine_seed0/run.log"


def _place(contents: Contents, name: str = LOG) -> int:
    return sorted(contents.files).index(name)


@form
def entry_twice(contents: Contents, content: bytes) -> bytes:
    every = entries(contents)
    return zipped([every[0], *every])


@form
def entry_twice_with_other_content(contents: Contents, content: bytes) -> bytes:
    every = entries(contents)
    return zipped([*every[:4], replace(every[3], content=b"{}"), *every[4:]])


@form
def entry_that_no_statement_names(contents: Contents, content: bytes) -> bytes:
    changed = contents.copied()
    changed.files["groups/group/demo-wine_seed0/logs/more.txt"] = b"more"
    return changed.bytes()


@form
def entry_missing(contents: Contents, content: bytes) -> bytes:
    changed = contents.copied()
    del changed.files[LOG]
    return changed.bytes()


@form
def entry_renamed(contents: Contents, content: bytes) -> bytes:
    return differing(contents, _place(contents), name=LOG[:-1].encode() + b"h")


@form
def entry_renamed_in_the_directory_alone(contents: Contents, content: bytes) -> bytes:
    return differing(contents, _place(contents), listed_name=LOG[:-1].encode() + b"h")


@form
def entry_with_the_name_of_the_next(contents: Contents, content: bytes) -> bytes:
    every = entries(contents)
    return differing(contents, 3, listed_name=every[4].name)


@form
def entry_in_capitals(contents: Contents, content: bytes) -> bytes:
    """One file on some systems."""
    every = entries(contents)
    return zipped([Entry(b"GROUPS/group/group.yaml", b"other"), *every])


@form
def entries_in_another_order(contents: Contents, content: bytes) -> bytes:
    every = entries(contents)
    return zipped([every[1], every[0], *every[2:]])


@form
def entries_listed_in_another_order(contents: Contents, content: bytes) -> bytes:
    start, end = _directory(content), content.rindex(b"PK\5\6")
    first = 46 + sum(struct.unpack_from("<3H", content, start + 28))
    second = 46 + sum(struct.unpack_from("<3H", content, start + first + 28))
    listed = content[start:end]
    return resealed(content[:start] + listed[first : first + second] + listed[:first] + listed[first + second :] + content[end:])


@form
def statement_first(contents: Contents, content: bytes) -> bytes:
    every = entries(contents)
    return zipped([every[-1], *every[:-1]])


@form
def statement_missing(contents: Contents, content: bytes) -> bytes:
    return zipped(entries(contents)[:-1])


@form
def statement_twice(contents: Contents, content: bytes) -> bytes:
    every = entries(contents)
    return zipped([*every, every[-1]])


@form
def byte_behind(contents: Contents, content: bytes) -> bytes:
    return content + b"\0"


@form
def byte_before(contents: Contents, content: bytes) -> bytes:
    return b"#" + content


@form
def bytes_before_that_are_counted(contents: Contents, content: bytes) -> bytes:
    return zipped(entries(contents), before=b"#!/bin/sh\nexit\n")


@form
def bytes_between_entries(contents: Contents, content: bytes) -> bytes:
    return differing(contents, between=b"secret")


@form
def bytes_between_entries_and_directory(contents: Contents, content: bytes) -> bytes:
    return zipped(entries(contents), between=b"secret")


@form
def entry_that_is_not_listed(contents: Contents, content: bytes) -> bytes:
    hidden = zipped([Entry(b"hidden", b"hidden")])
    return differing(contents, between=hidden[: _directory(hidden)])


@form
def comment_of_the_archive(contents: Contents, content: bytes) -> bytes:
    return zipped(entries(contents), comment=b"hello")


@form
def no_comment_of_the_archive(contents: Contents, content: bytes) -> bytes:
    return zipped(entries(contents), comment=b"")


@form
def another_seal(contents: Contents, content: bytes) -> bytes:
    return content[:-64] + b"0" * 64


@form
def seal_in_capitals(contents: Contents, content: bytes) -> bytes:
    return content[:-64] + content[-64:].upper()


for _name, _parts in {
    "comment_of_an_entry": {"comment": b"hello"},
    "extra_field": {"extra": struct.pack("<HH4s", 0xCAFE, 4, b"evil")},
    "extra_field_in_the_directory": {"listed_extra": struct.pack("<HH4s", 0xCAFE, 4, b"evil")},
    "unicode_name_in_an_extra_field": {"listed_extra": struct.pack("<HHBI5s", 0x7075, 10, 1, 0, b"other")},
    "another_date": {"date": (44 << 9) | (1 << 5) | 1},
    "another_time": {"time": 1},
    "another_mode": {"attributes": 0o100777 << 16},
    "symbolic_link": {"attributes": 0o120777 << 16},
    "device": {"attributes": 0o020644 << 16},
    "folders_attribute": {"attributes": (0o100644 << 16) | 0x10},
    "another_system": {"made_by": 45},
    "another_version": {"needs": 45},
    "encrypted_flag": {"flags": 9},
    "flag_of_other_letters": {"flags": 8 | 1 << 11},
    "flag_of_masked_headers": {"flags": 8 | 1 << 13},
    "no_descriptor_flag": {"flags": 0},
    "stored_where_it_is_to_be_deflated": {"method": 0},
    "method_that_nobody_knows": {"method": 99},
    "another_checksum": {"crc": 1},
    "larger_than_it_is": {"size": 10_000_000},
    "smaller_than_it_is": {"size": 1},
    "begins_elsewhere": {"listed_at": 7},
    "packed_as_nothing": {"packed": b""},
    "packed_without_an_end": {"packed": _deflated(b"x" * 1000)[:-2]},
    "packed_with_more_behind_it": {"packed": _deflated(b"x") + b"more"},
    "packed_as_noise": {"packed": b"\xff\xfe" * 50},
}.items():
    FORMS[_name] = lambda contents, content, parts=_parts: differing(contents, **parts)  # type: ignore[misc]


@form
def folder(contents: Contents, content: bytes) -> bytes:
    return zipped(entries(_with_subject(contents, "groups/group/demo-wine_seed0/logs/more/", b"")))


@form
def bomb(contents: Contents, content: bytes) -> bytes:
    return zipped(entries(_with_subject(contents, "groups/group/demo-wine_seed0/logs/zeros", bytes(2**27))))


@form
def bomb_that_says_to_be_small(contents: Contents, content: bytes) -> bytes:
    every = entries(contents)
    return zipped([replace(every[0], packed=_deflated(bytes(2**25))), *every[1:]])


@form
def bomb_that_says_to_be_huge(contents: Contents, content: bytes) -> bytes:
    return differing(contents, size=2**32 - 2)


@form
def many_entries_of_one_place(contents: Contents, content: bytes) -> bytes:
    every = entries(contents)
    return zipped([every[0], *(replace(one, listed_at=0) for one in every[1:])])


@form
def count_of_entries(contents: Contents, content: bytes) -> bytes:
    changed, end = bytearray(content), content.rindex(b"PK\5\6")
    struct.pack_into("<2H", changed, end + 8, 3, 3)
    return resealed(changed)


@form
def count_of_entries_for_64_bits(contents: Contents, content: bytes) -> bytes:
    changed, end = bytearray(content), content.rindex(b"PK\5\6")
    struct.pack_into("<2H2I", changed, end + 8, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)
    return resealed(changed)


@form
def disk_of_a_set(contents: Contents, content: bytes) -> bytes:
    changed = bytearray(content)
    changed[content.rindex(b"PK\5\6") + 4] = 1
    return resealed(changed)


@form
def cut_off_in_the_directory(contents: Contents, content: bytes) -> bytes:
    return content[:-30]


@form
def cut_off_in_the_middle(contents: Contents, content: bytes) -> bytes:
    return content[: len(content) // 2]


@form
def nothing(contents: Contents, content: bytes) -> bytes:
    return b""


@form
def no_archive(contents: Contents, content: bytes) -> bytes:
    return b"trust me\n" * 1000


@form
def empty_archive(contents: Contents, content: bytes) -> bytes:
    return zipped([])


@form
def another_archive_in_front(contents: Contents, content: bytes) -> bytes:
    return zipped([Entry(b"x", b"x")]) + content


@form
def another_archive_behind(contents: Contents, content: bytes) -> bytes:
    return content + zipped([Entry(b"x", b"x")])


def _named(name: str) -> Form:
    def make(contents: Contents, content: bytes) -> bytes:
        stated = entries(_with_subject(contents, name, b"x"))[-1]
        files = sorted([*entries(contents)[:-1], Entry(name.encode(), b"x")], key=lambda one: one.name)
        return zipped([*files, stated])

    return make


for _what, _name in {
    "upwards": "groups/group/../../../etc/cron.d/x",
    "upwards_first": "../x",
    "absolute": "/etc/cron.d/x",
    "of_a_drive": "C:/x",
    "with_backslashes": "groups\\..\\..\\x",
    "with_a_dot": "groups/./x",
    "with_two_slashes": "groups//x",
    "with_a_line_feed": "groups/group/a\nb",
    "with_an_escape": "groups/group/\x1b[2J",
    "that_is_no_ascii": "groups/group/ü",
    "that_is_long": "groups/group/" + "x" * 5000,
    "of_a_statement_below": f"groups/group/../{STATEMENT_FILE}",
    "beside_the_groups": "run.sh",
    "of_a_file_as_folder": "groups/group/group.yaml/x",
}.items():
    FORMS[f"name_{_what}"] = _named(_name)


@form
def thousands_of_entries(contents: Contents, content: bytes) -> bytes:
    made = contents.copied()
    for number in range(3000):
        made.files[contents.name("demo-wine_seed0", "logs", f"{number}")] = b""
    return made.bytes()


# the statement


def _stated(contents: Contents, payload: bytes, signatures: list[Any] | None = None, kind: str = PAYLOAD_TYPE) -> bytes:
    envelope = {"payloadType": kind, "payload": base64.b64encode(payload).decode(), "signatures": signatures or []}
    return _enveloped(contents, canonical(envelope))


def _enveloped(contents: Contents, envelope: bytes) -> bytes:
    return zipped([*entries(contents)[:-1], Entry(STATEMENT_FILE.encode(), envelope)])


def statement(change: Callable[[dict[str, Any]], None]) -> None:
    """Add the form in which the statement was changed, unsigned."""

    def make(contents: Contents, content: bytes) -> bytes:
        stated = json.loads(canonical(contents.statement))
        change(stated)
        return _stated(contents, canonical(stated))

    FORMS[f"statement_{change.__name__}"] = make


@statement
def with_another_hash(content: dict[str, Any]) -> None:
    content["subject"][5]["digest"]["sha256"] = "0" * 64


@statement
def with_another_size(content: dict[str, Any]) -> None:
    content["subject"][5]["annotations"]["size"] += 1


@statement
def with_a_size_that_is_true(content: dict[str, Any]) -> None:
    content["subject"][5]["annotations"]["size"] = True


@statement
def without_a_file(content: dict[str, Any]) -> None:
    del content["subject"][5]


@statement
def with_a_file_twice(content: dict[str, Any]) -> None:
    content["subject"].insert(5, content["subject"][5])


@statement
def with_a_file_that_is_not_there(content: dict[str, Any]) -> None:
    content["subject"].append({"name": "zzz", "digest": {"sha256": "0" * 64}, "annotations": {"size": 1}})


@statement
def in_another_order(content: dict[str, Any]) -> None:
    content["subject"].reverse()


@statement
def of_another_type(content: dict[str, Any]) -> None:
    content["_type"] = "https://in-toto.io/Statement/v0.1"


@statement
def of_another_predicate(content: dict[str, Any]) -> None:
    content["predicateType"] = "https://slsa.dev/provenance/v1"


@statement
def without_a_predicate(content: dict[str, Any]) -> None:
    del content["predicate"]


@statement
def with_words_of_its_own(content: dict[str, Any]) -> None:
    content["predicate"]["audited_by"] = "a third party"


@statement
def with_another_digest_beside(content: dict[str, Any]) -> None:
    content["subject"][5]["digest"]["sha512"] = "0" * 128


@statement
def that_leaves_out_what_is_there(content: dict[str, Any]) -> None:
    name = content["subject"][5]["name"]
    content["predicate"]["left_out"].append({"name": name, "reason": "large", "size": 1, "sha256": "0" * 64})


@statement
def that_leaves_out_upwards(content: dict[str, Any]) -> None:
    content["predicate"]["left_out"].append({"name": "../../x", "reason": "large", "size": 1, "sha256": "0" * 64})


@statement
def that_leaves_out_a_file_twice(content: dict[str, Any]) -> None:
    content["predicate"]["left_out"] += 2 * [{"name": "groups/group/x", "reason": "large", "size": 1, "sha256": "0" * 64}]


def payload(name: str, change: Callable[[bytes], bytes]) -> None:
    """Add the form in which the bytes of the statement were changed, unsigned."""

    def make(contents: Contents, content: bytes) -> bytes:
        return _stated(contents, change(canonical(contents.statement)))

    FORMS[f"payload_{name}"] = make


payload("of_nothing", lambda content: b"")
payload("with_blanks", lambda content: content.replace(b",", b", "))
payload("with_a_byte_order_mark", lambda content: b"\xef\xbb\xbf" + content)
payload("in_utf_16", lambda content: content.decode().encode("utf-16"))
payload("with_nan", lambda content: content.replace(b'"size":', b'"size":NaN,"x":', 1))
payload("with_a_huge_number", lambda content: content.replace(b'"size":', b'"size":' + b"9" * 10_000, 1))
payload("with_a_key_twice", lambda content: content.replace(b"{", b'{"_type":"x",', 1))
payload("nested_deeply", lambda content: b"[" * 500_000 + b"]" * 500_000)
payload("with_a_nul", lambda content: content + b"\0")
payload("that_is_a_list", lambda content: b"[]")
payload("of_many_files", lambda content: content.replace(b'"subject":[', b'"subject":[' + b"{}," * 500_000, 1))


def envelope(name: str, change: Callable[[bytes], bytes]) -> None:
    """Add the form in which the bytes of the envelope were changed."""
    FORMS[f"envelope_{name}"] = lambda contents, content: _enveloped(contents, change(contents.envelope))


envelope("of_nothing", lambda content: b"")
envelope("with_blanks", lambda content: content.replace(b",", b", "))
envelope("with_a_line_feed", lambda content: content + b"\n")
envelope("with_a_key_twice", lambda content: content.replace(b"{", b'{"payload":"",', 1))
envelope("with_words_of_its_own", lambda content: content.replace(b"{", b'{"audited":true,', 1))
envelope("in_utf_16", lambda content: content.decode().encode("utf-16"))
envelope("with_a_byte_order_mark", lambda content: b"\xef\xbb\xbf" + content)
envelope("that_is_cut_off", lambda content: content[:-10])
envelope("nested_deeply", lambda content: b"[" * 500_000)
envelope("of_another_payload_type", lambda content: content.replace(PAYLOAD_TYPE.encode(), b"application/json"))
envelope("whose_payload_is_no_base64", lambda content: content.replace(b'"payload":"', b'"payload":"*'))
envelope(
    "with_many_signatures",
    lambda content: (
        content[:-2].split(b'"signatures"')[0] + b'"signatures":[' + b",".join([b'{"keyid":"x","sig":""}'] * 100) + b"]}"
    ),
)
