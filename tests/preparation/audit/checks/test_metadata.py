"""What files say of themselves beside their content."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from mlebench.preparation.audit.checks.metadata import metadata
from tests.preparation.audit.toy import Kind, Toy, share_right


def picture(form: str, **options: object) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    Image.new("RGB", (9, 9), (30, 60, 90)).save(stream, form, **options)
    return stream.getvalue()


def with_exif(label: str) -> bytes:
    from PIL import Image

    exif = Image.Exif()
    exif[0x010E] = f"photo of a {label}"
    return picture("JPEG", exif=exif)


def with_text(label: str) -> bytes:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Comment", label)
    return picture("PNG", pnginfo=info)


def sound(toy: Toy, label: str) -> bytes:
    content = toy.sound()
    note = label.encode().ljust(4, b"\0")
    chunk = b"LIST" + struct.pack("<I", 12 + len(note)) + b"INFOINAM" + struct.pack("<I", len(note)) + note
    return content[:4] + struct.pack("<I", len(content) - 8 + len(chunk)) + content[8:] + chunk


MARKS: dict[str, tuple[str, Callable[[Toy, str], bytes]]] = {
    "EXIF": (".jpg", lambda toy, label: with_exif(label)),
    "a comment of JPEG": (".jpg", lambda toy, label: picture("JPEG", comment=label.encode())),
    "a text of PNG": (".png", lambda toy, label: with_text(label)),
    "bytes behind the end": (".png", lambda toy, label: picture("PNG") + label.encode()),
    "a tag of TIFF": (".tif", lambda toy, label: picture("TIFF", description=label)),
    "a name in WAV": (".wav", sound),
    "resolution": (".jpg", lambda toy, label: picture("JPEG", dpi=(70 + ("cat", "dog", "newt").index(label),) * 2)),
}


@pytest.mark.parametrize(("ending", "content"), MARKS.values(), ids=MARKS.keys())
def test_a_tag_that_tells_the_class_is_found(tmp_path: Path, ending: str, content: Callable[[Toy, str], bytes]) -> None:
    toy = Toy(tmp_path, rows=60)
    for name, answer in zip(toy.ids, toy.answers, strict=True):
        toy.write(f"test/{name}{ending}", content(toy, answer))
    case = toy.case()
    found = [*metadata(case)]
    assert found and max(share_right(clue, case) for clue in found) > 0.95


@pytest.mark.parametrize("rows", [6, 20, 200])
@pytest.mark.parametrize("kind", ["class", "binary", "number", "text"])
def test_tags_of_nothing_ring_by_no_chance(tmp_path: Path, kind: Kind, rows: int) -> None:
    toy = Toy(tmp_path, kind, rows, seed=rows)
    for name in toy.ids:
        label = str(toy.rng.choice(["cat", "dog", "newt", "0", "1"]))
        toy.write(f"test/{name}.jpg", with_exif(label))
    assert [*metadata(toy.case())] == []


@pytest.mark.parametrize("folder", ["photos", "photos/UNIT"])
def test_files_that_a_table_of_test_rows_names_are_theirs(tmp_path: Path, folder: str) -> None:
    """Several files for each row, with names that are not ids, in folders of two rows each."""
    toy = Toy(tmp_path, "binary", 80)
    toy.ids = [f"unit{1000 + row // 2}_{'LR'[row % 2]}" for row in range(80)]
    toy.test["id"] = toy.ids
    names, owners = [], []
    for row, (name, answer) in enumerate(zip(toy.ids, toy.answers, strict=True)):
        for file in toy.rng.integers(10**6, 10**9, 2):
            content = picture("JPEG", comment=b"follow-up" if answer == "1" else b"screening")
            toy.write(f"{folder.replace('UNIT', f'unit{1000 + row // 2}')}/{file}.jpg", content)
            names.append(str(file))
            owners.append(name)
    toy.table("photos.csv", {"photo": names, "id": owners})
    case = toy.case()
    found = [*metadata(case)]
    assert found and share_right(found[0], case) == 1
