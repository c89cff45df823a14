"""One file is taken out of a form, wherever its bytes are cut, and a form that could mean two things is refused."""

from __future__ import annotations

import io

import pytest

from mlebench.errors import MalformedForm
from mlebench.sandbox.form import FormFile

TYPE = "multipart/form-data; boundary=b0undary"


def part(name: str, content: bytes, more: str = '; filename="s.csv"\r\nContent-Type: text/csv') -> bytes:
    return f'--b0undary\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + content + b"\r\n"


END = b"--b0undary--\r\n"


def save(body: bytes, kind: str = TYPE, step: int = 2**16) -> bytes:
    saved = io.BytesIO()
    form = FormFile(kind, "file", saved)
    for start in range(0, len(body), step):
        if form.is_complete:
            break
        form.feed(body[start : start + step])
    form.finish()
    return saved.getvalue()


@pytest.mark.parametrize("step", [1, 2, 7, 2**16])
def test_the_file_is_found_among_other_fields_wherever_blocks_end(step: int) -> None:
    content = b"id,y\r\n1,2\r\n--b0undar\r\n--\r\n"
    body = part("token", b"abc", "") + part("file", content) + part("note", b"x", "") + END
    assert save(body, step=step) == content


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (part("file", b"x", "") + END, TYPE),
        (part("file", b"x") + END, 'Multipart/Form-Data; charset=utf-8; boundary="b0undary"'),
        (b"\r\n" + part("file", b"x") + END, TYPE),
        (part("file", b"x") + END + b"what comes after the end", TYPE),
        (part("file", b"x").replace(b"Content-Disposition", b"content-disposition") + END, TYPE),
    ],
    ids=["no file name", "quoted boundary", "line break before", "words after", "small letters"],
)
def test_forms_that_clients_send_are_read(body: bytes, kind: str) -> None:
    assert save(body, kind) == b"x"


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        (part("file", b"x") + END, "text/csv", "send a form"),
        (part("file", b"x") + END, "", "send a form"),
        (part("file", b"x") + END, "multipart/form-data", "send a form"),
        (part("file", b"x") + END, "multipart/form-data; boundary=" + "b" * 300, "send a form"),
        (part("file", b"x") + END, TYPE + "; x=" * 20_000, "send a form"),
        (part("other", b"x") + END, TYPE, "no field `file`"),
        (part("file", b"one") + part("file", b"two") + END, TYPE, "`file` twice"),
        (part("file", b"x" * 1000)[:-500], TYPE, "in the middle"),
        (part("file", b"x"), TYPE, "in the middle"),
        (b"", TYPE, "in the middle"),
        (b"id,y\n1,2\n", TYPE, "cannot be read"),
        (part("a", b"", "") * 17 + part("file", b"x") + END, TYPE, "more than 16 parts"),
        (part("file", b"x", "; filename=" + "n" * 10_000) + END, TYPE, "cannot be read"),
        (part("file", b"x", "; a=b" * 500) + END, TYPE, "more than 1024 bytes"),
        (part("file", b"x", "\r\nX: y" * 100) + END, TYPE, "cannot be read"),
    ],
)
def test_other_forms_are_refused_with_a_reason_and_leave_the_log_alone(
    caplog: pytest.LogCaptureFixture, body: bytes, kind: str, words: str
) -> None:
    with pytest.raises(MalformedForm, match=words):
        save(body, kind)
    assert caplog.messages == []
