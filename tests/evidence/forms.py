"""Bundles whose container or statement is not of the one form that they have."""

from __future__ import annotations

import base64
import io
import json
import struct
import zipfile
from collections.abc import Callable
from typing import Any

from mlebench._support.ledger import canonical
from mlebench.evidence.statement import PAYLOAD_TYPE, STATEMENT_FILE
from tests.evidence.tampering import Contents

Form = Callable[[Contents, bytes], bytes]
"""Makes the bytes of a damaged bundle from what an untouched one holds, and its bytes."""
FORMS: dict[str, Form] = {}
_FIRST = (1980, 1, 1, 0, 0, 0)


def form(make: Form) -> Form:
    FORMS[make.__name__] = make
    return make


def zipped(entries: list[tuple[zipfile.ZipInfo, bytes]], comment: bytes = b"") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.comment = comment
        for info, content in entries:
            archive.writestr(info, content)
    return file.getvalue()


def entry(name: str, date: tuple[int, int, int, int, int, int] = _FIRST, **attributes: Any) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, date)
    info.compress_type = zipfile.ZIP_DEFLATED
    for key, value in attributes.items():
        setattr(info, key, value)
    return info


def entries(contents: Contents) -> list[tuple[zipfile.ZipInfo, bytes]]:
    return [(entry(name), content) for name, content in [*sorted(contents.files.items()), (STATEMENT_FILE, contents.envelope)]]


def _directory(content: bytes) -> int:
    """Where the central directory begins."""
    (start,) = struct.unpack_from("<I", content, content.rindex(b"PK\5\6") + 16)
    return int(start)


def _with_subject(contents: Contents, name: str, content: bytes) -> Contents:
    made = contents.copied()
    made.files[name] = content
    return made.restated()


@form
def entry_twice(contents: Contents, content: bytes) -> bytes:
    every = entries(contents)
    return zipped([every[0], *every])


@form
def entry_twice_with_other_content(contents: Contents, content: bytes) -> bytes:
    every = entries(contents)
    return zipped([*every[:-1], (entry(every[3][0].filename), b"{}"), every[-1]])


@form
def entry_that_no_statement_names(contents: Contents, content: bytes) -> bytes:
    changed = contents.copied()
    changed.files[contents.name("demo-wine_seed0", "logs", "more.txt")] = b"more"
    return changed.bytes()


@form
def entry_missing(contents: Contents, content: bytes) -> bytes:
    changed = contents.copied()
    del changed.files[contents.name("demo-wine_seed0", "run.log")]
    return changed.bytes()


@form
def entry_renamed(contents: Contents, content: bytes) -> bytes:
    old = contents.name("demo-wine_seed0", "run.log").encode()
    return content.replace(old, old[:-1] + b"h")


@form
def entry_renamed_in_the_directory_alone(contents: Contents, content: bytes) -> bytes:
    old = contents.name("demo-wine_seed0", "run.log").encode()
    start = _directory(content)
    return content[:start] + content[start:].replace(old, old[:-1] + b"h")


@form
def entry_renamed_in_its_header_alone(contents: Contents, content: bytes) -> bytes:
    old = contents.name("demo-wine_seed0", "run.log").encode()
    return content.replace(old, old[:-1] + b"h", 1)


@form
def entries_in_another_order(contents: Contents, content: bytes) -> bytes:
    every = entries(contents)
    return zipped([every[1], every[0], *every[2:]])


@form
def statement_first(contents: Contents, content: bytes) -> bytes:
    every = entries(contents)
    return zipped([every[-1], *every[:-1]])


@form
def statement_missing(contents: Contents, content: bytes) -> bytes:
    return zipped(entries(contents)[:-1])


@form
def byte_behind(contents: Contents, content: bytes) -> bytes:
    return content + b"\0"


@form
def byte_before(contents: Contents, content: bytes) -> bytes:
    return b"#" + content


@form
def bytes_between_entries_and_directory(contents: Contents, content: bytes) -> bytes:
    start, end = _directory(content), content.rindex(b"PK\5\6")
    patched = bytearray(content[:start] + b"secret" + content[start:])
    struct.pack_into("<I", patched, end + 6 + 16, start + 6)
    return bytes(patched)


@form
def comment_of_the_archive(contents: Contents, content: bytes) -> bytes:
    return content[:-2] + struct.pack("<H", 5) + b"hello"


@form
def comment_of_an_entry(contents: Contents, content: bytes) -> bytes:
    every = entries(contents)
    every[0][0].comment = b"hello"
    return zipped(every)


@form
def extra_field(contents: Contents, content: bytes) -> bytes:
    every = entries(contents)
    every[0][0].extra = struct.pack("<HH4s", 0xCAFE, 4, b"evil")
    return zipped(every)


@form
def another_date(contents: Contents, content: bytes) -> bytes:
    every = entries(contents)
    return zipped([(entry(every[0][0].filename, (2024, 1, 1, 0, 0, 0)), every[0][1]), *every[1:]])


@form
def another_mode(contents: Contents, content: bytes) -> bytes:
    every = entries(contents)
    every[0][0].external_attr = 0o777 << 16
    return zipped(every)


@form
def symbolic_link(contents: Contents, content: bytes) -> bytes:
    made = _with_subject(contents, contents.name("demo-wine_seed0", "logs", "link"), b"/etc/passwd")
    every = entries(made)
    for info, _ in every:
        if info.filename.endswith("/link"):
            info.create_system, info.external_attr = 3, 0o120777 << 16
    return zipped(every)


@form
def folder(contents: Contents, content: bytes) -> bytes:
    made = _with_subject(contents, contents.name("demo-wine_seed0", "logs", "more/"), b"")
    return zipped(entries(made))


@form
def encrypted_flag(contents: Contents, content: bytes) -> bytes:
    changed = bytearray(content)
    changed[6] |= 1
    return bytes(changed)


@form
def stored_where_it_is_to_be_deflated(contents: Contents, content: bytes) -> bytes:
    every = entries(contents)
    for info, _ in every:
        info.compress_type = zipfile.ZIP_STORED
    return zipped(every)


@form
def another_compression(contents: Contents, content: bytes) -> bytes:
    every = entries(contents)
    for info, _ in every:
        info.compress_type = zipfile.ZIP_LZMA
    return zipped(every)


@form
def another_checksum(contents: Contents, content: bytes) -> bytes:
    changed = bytearray(content)
    changed[14] ^= 1
    return bytes(changed)


@form
def another_checksum_in_the_directory(contents: Contents, content: bytes) -> bytes:
    changed = bytearray(content)
    changed[_directory(content) + 16] ^= 1
    return bytes(changed)


@form
def size_of_a_bomb(contents: Contents, content: bytes) -> bytes:
    changed = bytearray(content)
    struct.pack_into("<I", changed, _directory(content) + 24, 2**32 - 2)
    return bytes(changed)


@form
def bomb(contents: Contents, content: bytes) -> bytes:
    made = _with_subject(contents, contents.name("demo-wine_seed0", "logs", "zeros"), bytes(2**28))
    return zipped(entries(made))


@form
def bomb_that_says_to_be_small(contents: Contents, content: bytes) -> bytes:
    name = contents.name("demo-wine_seed0", "logs", "zeros")
    made = zipped(entries(_with_subject(contents, name, bytes(2**27))))
    return made.replace(struct.pack("<I", 2**27), struct.pack("<I", 1000))


@form
def entries_that_overlap(contents: Contents, content: bytes) -> bytes:
    """Two entries of the directory that begin at one place."""
    changed, start = bytearray(content), _directory(content)
    (name,) = struct.unpack_from("<H", changed, start + 28)
    (extra,) = struct.unpack_from("<H", changed, start + 30)
    (first,) = struct.unpack_from("<I", changed, start + 42)
    struct.pack_into("<I", changed, start + 46 + name + extra + 42, first)
    return bytes(changed)


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
    return zipped([(entry("x"), b"x")]) + content


@form
def another_archive_behind(contents: Contents, content: bytes) -> bytes:
    return content + zipped([(entry("x"), b"x")])


def _named(name: str) -> Form:
    return lambda contents, content: zipped(entries(_with_subject(contents, name, b"x")))


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
    made = contents.copied()
    made.files[STATEMENT_FILE] = envelope
    from mlebench.evidence.container import ContainerWriter

    file = io.BytesIO()
    writer = ContainerWriter(file)
    for name, content in [*sorted(contents.files.items()), (STATEMENT_FILE, envelope)]:
        writer.add(name, [content], len(content))
    writer.close()
    return file.getvalue()


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
