"""One file is taken out of a form, wherever its bytes are cut, and a form that could mean two things is refused."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from mlebench.errors import MalformedForm
from mlebench.sandbox.form import save_form_file

TYPE = "multipart/form-data; boundary=b0undary"


def part(name: str, content: bytes, more: str = '; filename="s.csv"\r\nContent-Type: text/csv') -> bytes:
    return f'--b0undary\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + content + b"\r\n"


END = b"--b0undary--\r\n"


class Trickle(io.BytesIO):
    """Hands out a few bytes at a time, whatever is asked for."""

    def __init__(self, content: bytes, step: int) -> None:
        super().__init__(content)
        self._step = step

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(self._step if size is None or size < 0 else min(size, self._step))


def save(folder: Path, body: bytes, kind: str = TYPE, step: int = 2**16) -> bytes:
    size = save_form_file(Trickle(body, step), kind, len(body), "file", folder / "saved")
    content = (folder / "saved").read_bytes()
    assert size == len(content)
    return content


@pytest.mark.parametrize("step", [1, 2, 7, 2**16])
def test_the_file_is_found_among_other_fields_wherever_blocks_end(tmp_path: Path, step: int) -> None:
    content = b"id,y\r\n1,2\r\n--b0undar\r\n--\r\n"
    body = part("token", b"abc", "") + part("file", content) + part("note", b"x", "") + END
    assert save(tmp_path, body, step=step) == content


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
def test_forms_that_clients_send_are_read(tmp_path: Path, body: bytes, kind: str) -> None:
    assert save(tmp_path, body, kind) == b"x"


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        (part("file", b"x") + END, "text/csv", "send a form"),
        (part("file", b"x") + END, "", "send a form"),
        (part("file", b"x") + END, "multipart/form-data", "send a form"),
        (part("file", b"x") + END, "multipart/form-data; boundary=" + "b" * 500, "cannot be read"),
        (part("other", b"x") + END, TYPE, "no field `file`"),
        (part("file", b"one") + part("file", b"two") + END, TYPE, "`file` twice"),
        (part("file", b"x" * 1000)[:-500], TYPE, "in the middle"),
        (part("file", b"x"), TYPE, "in the middle"),
        (b"", TYPE, "in the middle"),
        (b"id,y\n1,2\n", TYPE, "cannot be read"),
        (part("a", b"", "") * 17 + part("file", b"x") + END, TYPE, "more than 16 parts"),
        (part("file", b"x", "; filename=" + "n" * 10_000) + END, TYPE, "cannot be read"),
        (part("file", b"x", "\r\nX: y" * 100) + END, TYPE, "cannot be read"),
    ],
)
def test_other_forms_are_refused_with_a_reason_and_leave_the_log_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, body: bytes, kind: str, words: str
) -> None:
    with pytest.raises(MalformedForm, match=words):
        save(tmp_path, body, kind)
    assert caplog.messages == []
