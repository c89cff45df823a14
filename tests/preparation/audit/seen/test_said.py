"""What files say of themselves is read in every format: tags, comments, headers, and bytes behind their end."""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

from mlebench.data.tfrecord import encode_example, frame
from mlebench.preparation.audit.seen import said as said_module
from mlebench.preparation.audit.seen.listing import Seen
from mlebench.preparation.audit.seen.said import said_by, text_lines
from tests.preparation.audit.seen.packing import tarred, zipped

WORD = "class 3"
RAW = WORD.encode()


def said(folder: Path, name: str, content: bytes) -> dict[str, str]:
    (folder / name).write_bytes(content)
    seen = Seen(folder)
    ((_, found),) = said_by([file for file in seen.files if file.path == name], seen)
    assert seen.troubles == []
    return found


def picture(form: str, **options: object) -> bytes:
    image = pytest.importorskip("PIL.Image")
    packed = io.BytesIO()
    image.fromarray(np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8)).save(packed, form, **options)
    return packed.getvalue()


def exif(form: str = "JPEG") -> object:
    tags = pytest.importorskip("PIL.Image").Exif()
    tags[0x010E], tags[0x9C9C] = WORD, "é".encode("utf-16-le") + b"\0\0"
    if form == "TIFF":
        return tags
    tags[0x8769] = {0x9286: b"ASCII\0\0\0user", 0xA431: "serial"}
    tags[0x8825] = {1: "N", 2: (50.0, 30.0, 7.5)}
    return tags


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_exif_tags_of_pictures(form: str, tmp_path: Path) -> None:
    found = said(tmp_path, "x", picture(form, exif=exif(form)))
    if form == "TIFF":
        assert (found["tiff.270"], found["tiff.40092"]) == (WORD, "é")
        return
    assert (found["exif.ImageDescription"], found["exif.XPComment"]) == (WORD, "é")
    assert found["exif.UserComment"] == "user"
    assert found["exif.BodySerialNumber"] == "serial"
    assert found["exif.GPSLatitude"] == "50 30 7.5"
    if form != "WEBP":
        assert (found["image.width"], found["image.height"]) == ("30", "20")


@pytest.mark.parametrize("options", [{}, {"progressive": True}])
def test_comments_and_segments_of_jpeg(options: dict[str, object], tmp_path: Path) -> None:
    whole = picture("JPEG", comment=WORD, **options)
    segment = b"\xff\xe7" + struct.pack(">H", 2 + len(RAW)) + RAW
    found = said(tmp_path, "x.jpg", whole[:2] + segment + whole[2:])
    assert (found["jpeg.comment"], found["jpeg.APP7"], found["image.mode"]) == (WORD, WORD, "3x8")
    assert "trailing" not in found


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP"])
@pytest.mark.parametrize("padding", [0, 300_000])
def test_bytes_behind_the_end_of_a_picture(form: str, padding: int, tmp_path: Path) -> None:
    whole = picture(form)
    assert "trailing" not in said(tmp_path, "x", whole)
    assert said(tmp_path, "y", whole + RAW + bytes(padding))["trailing"].strip() == WORD


def test_bytes_behind_the_end_of_a_large_picture(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    packed = io.BytesIO()
    image.fromarray(np.random.default_rng(0).integers(0, 255, (600, 600, 3), dtype=np.uint8)).save(packed, "JPEG", quality=95)
    assert len(packed.getvalue()) > 2**18
    assert "trailing" not in said(tmp_path, "x.jpg", packed.getvalue())
    assert said(tmp_path, "y.jpg", packed.getvalue() + RAW)["trailing"] == WORD


def test_a_thumbnail_is_not_the_end_of_a_jpeg(tmp_path: Path) -> None:
    whole, inner = picture("JPEG"), picture("JPEG", quality=10)
    segment = b"\xff\xe5" + struct.pack(">H", 2 + len(inner)) + inner
    assert "trailing" not in said(tmp_path, "x.jpg", whole[:2] + segment + whole[2:])


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def test_chunks_of_png(tmp_path: Path) -> None:
    whole = picture("PNG")
    chunks = chunk(b"tEXt", b"Comment\0" + RAW) + chunk(b"zTXt", b"Packed\0\0" + zlib.compress(RAW))
    chunks += chunk(b"iTXt", b"Wide\0\0\0en\0\0" + "é".encode()) + chunk(b"prVt", RAW) + chunk(b"tIME", b"\x07\xe4\1\2\3\4\5")
    found = said(tmp_path, "x.png", whole[:33] + chunks + whole[33:])
    assert found["png.text.Comment"] == found["png.text.Packed"] == found["png.prVt"] == WORD
    assert (found["png.text.Wide"], found["png.time"], found["image.mode"]) == ("é", "2020-01-02 03:04:05", "2x8")


def test_comments_of_gif(tmp_path: Path) -> None:
    assert said(tmp_path, "x.gif", picture("GIF", comment=RAW))["gif.comment"] == WORD


def test_bytes_before_the_pixels_of_bmp(tmp_path: Path) -> None:
    whole = picture("BMP")
    moved = whole[:10] + struct.pack("<I", 54 + len(RAW)) + whole[14:54] + RAW + whole[54:]
    assert said(tmp_path, "x.bmp", moved)["bmp.gap"] == WORD
    assert said(tmp_path, "y.bmp", whole[:6] + b"ab\0\0" + whole[10:])["bmp.reserved"] == "ab"


def test_all_tags_of_all_pages_of_tiff(tmp_path: Path) -> None:
    tags = pytest.importorskip("PIL.TiffImagePlugin").ImageFileDirectory_v2()
    tags[65000], tags[305] = WORD, "program"
    found = said(tmp_path, "x.tif", picture("TIFF", tiffinfo=tags))
    assert (found["tiff.65000"], found["tiff.305"], found["image.mode"]) == (WORD, "program", "3x8")


def test_tags_of_big_tiff(tmp_path: Path) -> None:
    tags = b"".join(
        struct.pack("<HHQ8s", tag, kind, count, value)
        for tag, kind, count, value in [(256, 4, 1, struct.pack("<Q", 9)), (270, 2, 7, b"class 3\0")]
    )
    found = said(tmp_path, "x.tif", b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, 2) + tags + bytes(8))
    assert (found["image.width"], found["tiff.270"]) == ("9", WORD)


def element(group: int, part: int, kind: bytes, value: bytes) -> bytes:
    value += b" " * (len(value) % 2)
    if kind in (b"OB", b"OW", b"SQ", b"UN"):
        return struct.pack("<HH2s2xI", group, part, kind, len(value)) + value
    return struct.pack("<HH2sH", group, part, kind, len(value)) + value


def dicom(*elements: bytes, syntax: bytes = b"1.2.840.10008.1.2.1\0") -> bytes:
    return bytes(128) + b"DICM" + element(2, 0x10, b"UI", syntax) + b"".join(elements)


def test_elements_of_dicom(tmp_path: Path) -> None:
    pytest.importorskip("pydicom")
    item = element(8, 0x104, b"LO", b"inner")
    sequence = element(8, 0x1140, b"SQ", struct.pack("<HHI", 0xFFFE, 0xE000, len(item)) + item)
    found = said(
        tmp_path,
        "x.dcm",
        dicom(
            sequence,
            element(0x10, 0x20, b"LO", b"patient"),
            element(0x11, 0x1001, b"LO", RAW),
            element(0x28, 0x10, b"US", struct.pack("<H", 7)),
            element(0x7FE0, 0x10, b"OW", bytes(40_000)),
            element(0x7FE1, 0x1001, b"LO", b"behind pixels"),
        ),
    )
    assert found["dicom.PatientID"] == "patient"
    assert found["dicom.00111001"] == WORD
    assert found["dicom.ReferencedImageSequence.CodeMeaning"] == "inner"
    assert found["image.height"] == found["dicom.Rows"] == "7"
    assert found["dicom.7FE11001"] == "behind pixels"
    assert "trailing" not in found


def test_dicom_of_other_forms_as_pydicom_writes_them(tmp_path: Path) -> None:
    pydicom = pytest.importorskip("pydicom")
    for number, syntax in enumerate((pydicom.uid.ImplicitVRLittleEndian, pydicom.uid.ExplicitVRLittleEndian)):
        data = pydicom.Dataset()
        data.PatientID, data.Rows, data.ImageComments, data.PixelData = "p1", 5, WORD, bytes(10)
        data.ReferencedImageSequence = [pydicom.Dataset()]
        data.ReferencedImageSequence[0].CodeMeaning = "inner"
        data.file_meta = pydicom.dataset.FileMetaDataset()
        data.file_meta.TransferSyntaxUID = syntax
        data.file_meta.MediaStorageSOPClassUID = data.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
        data["PixelData"].VR = "OW"
        packed = io.BytesIO()
        pydicom.dcmwrite(packed, data, enforce_file_format=True)
        found = said(tmp_path, f"{number}.dcm", packed.getvalue() + b"")
        assert (found["dicom.PatientID"], found["dicom.ImageComments"], found["image.height"]) == ("p1", WORD, "5")
        assert found["dicom.ReferencedImageSequence.CodeMeaning"] == "inner"
        assert "trailing" not in found


def test_what_follows_packed_pixels_of_dicom(tmp_path: Path) -> None:
    fragments = struct.pack("<HHI", 0xFFFE, 0xE000, 4) + b"\xff\xd8\xff\xd9" + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    pixels = struct.pack("<HH2s2xI", 0x7FE0, 0x10, b"OB", 0xFFFFFFFF) + fragments
    assert "trailing" not in said(tmp_path, "x.dcm", dicom(pixels))
    found = said(tmp_path, "y.dcm", dicom(pixels, element(0x7FE1, 0x1001, b"LO", RAW)))
    assert found["dicom.7FE11001"] == WORD


def riff(form: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2) for kind, body in chunks)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + form + body


FORMAT = struct.pack("<HHIIHH", 1, 1, 8_000, 16_000, 2, 16)


def test_chunks_of_wav(tmp_path: Path) -> None:
    listed = b"INFO" + b"INAM" + struct.pack("<I", 8) + RAW + b"\0"
    found = said(tmp_path, "x.wav", riff(b"WAVE", (b"fmt ", FORMAT), (b"LIST", listed), (b"data", bytes(4_000)), (b"note", RAW)))
    assert (found["wav.LIST.INAM"], found["wav.note"]) == (WORD, WORD)
    assert (found["sound.rate"], found["sound.seconds"], found["sound.bits"]) == ("8000", "0.25", "16")
    assert "trailing" not in found


def test_bytes_behind_the_end_of_wav(tmp_path: Path) -> None:
    assert said(tmp_path, "x.wav", riff(b"WAVE", (b"fmt ", FORMAT), (b"data", bytes(400))) + RAW)["trailing"] == WORD


def test_chunks_of_aiff(tmp_path: Path) -> None:
    common = struct.pack(">hIh", 1, 500, 16) + struct.pack(">HQ", 16383 + 10, 2_000 << 53)
    body = b"COMM" + struct.pack(">I", 18) + common + b"NAME" + struct.pack(">I", 7) + RAW + b"\0"
    found = said(tmp_path, "x.aiff", b"FORM" + struct.pack(">I", 4 + len(body)) + b"AIFF" + body + b"behind")
    assert (found["aiff.NAME"], found["sound.rate"], found["sound.seconds"], found["trailing"]) == (
        WORD,
        "2000",
        "0.25",
        "behind",
    )


def test_tags_of_mp3(tmp_path: Path) -> None:
    tag = b"TIT2" + struct.pack(">I", 1 + len(RAW)) + b"\0\0\0" + RAW
    wide = b"COMM" + struct.pack(">I", 1 + 3 + 2 * 4 + 4) + b"\0\0\1eng" + b"\xff\xfe\0\0" + "é3".encode("utf-16")[:6] + b"\0\0"
    head = b"ID3\3\0\0" + bytes([0, 0, 0, len(tag + wide)]) + tag + wide
    tail = b"TAG" + b"title".ljust(30, b"\0") + bytes(60) + b"2020" + b"old comment".ljust(30, b"\0") + b"\7"
    found = said(tmp_path, "x.mp3", head + b"\xff\xfb\x90\x00" + bytes(400) + tail)
    assert (found["mp3.TIT2"], found["mp3.ID3v1.title"], found["mp3.ID3v1.comment"]) == (WORD, "title", "old comment")
    assert found["sound.rate"] == "44100"
    assert "é3" in found["mp3.COMM"]


def vorbis(*comments: bytes) -> bytes:
    packed = [struct.pack("<I", len(comment)) + comment for comment in comments]
    return struct.pack("<I", 3) + b"enc" + struct.pack("<I", len(comments)) + b"".join(packed)


def test_comments_of_flac_and_ogg(tmp_path: Path) -> None:
    stream = bytes(10) + ((16_000 << 44) | 4_000).to_bytes(8, "big") + bytes(16)
    comments = vorbis(b"TITLE=" + RAW, b"genre=rock")
    flac = b"fLaC\0" + len(stream).to_bytes(3, "big") + stream + b"\x84" + len(comments).to_bytes(3, "big") + comments
    found = said(tmp_path, "x.flac", flac)
    assert (found["flac.TITLE"], found["flac.genre"], found["sound.rate"], found["sound.seconds"]) == (
        WORD,
        "rock",
        "16000",
        "0.25",
    )
    ogg = b"OggS" + bytes(24) + b"\x01vorbis" + bytes(4) + b"\1" + struct.pack("<I", 8_000) + b"\x03vorbis" + comments
    ogg += b"OggS\0\4" + struct.pack("<q", 4_000) + bytes(14)
    found = said(tmp_path, "x.ogg", ogg)
    assert (found["ogg.TITLE"], found["sound.rate"], found["sound.seconds"]) == (WORD, "8000", "0.5")


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", 8 + len(body)) + kind + body


def test_boxes_of_mp4(tmp_path: Path) -> None:
    named = box(b"\xa9nam", box(b"data", bytes(8) + RAW))
    movie = box(b"mvhd", bytes(12) + struct.pack(">II", 1_000, 2_500))
    moov = box(b"moov", movie + box(b"udta", box(b"meta", bytes(4) + box(b"ilst", named))))
    found = said(tmp_path, "x.mp4", box(b"ftyp", b"isom") + moov + box(b"mdat", bytes(9)) + box(b"free", RAW))
    assert WORD in (value for name, value in found.items() if name.startswith("mp4.moov"))
    assert (found["mp4.free"], found["sound.seconds"]) == (WORD, "2.5")


def test_comments_of_zips_and_gzips(tmp_path: Path) -> None:
    packed = io.BytesIO(zipped({"x": b"1"}))
    with zipfile.ZipFile(packed, "a") as opened:
        opened.comment = RAW
    assert said(tmp_path, "x.zip", packed.getvalue())["zip.comment"] == WORD
    found = said(tmp_path, "y.zip", b"PK\3\4before" + zipped({"x": b"1"}) + b"behind")
    assert (found["zip.before"], found["trailing"]) == ("PK\3\4before", "behind")
    header = b"\x1f\x8b\x08\x18" + bytes(6) + b"name.txt\0" + RAW + b"\0"
    found = said(tmp_path, "z.gz", header + gzip.compress(b"1")[10:])
    assert (found["gzip.name"], found["gzip.comment"]) == ("name.txt", WORD)


def test_a_member_says_what_its_archive_says_beside_it(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as opened:
        entry = zipfile.ZipInfo("x.bin")
        entry.comment = RAW
        opened.writestr(entry, b"\0\1")
    seen = Seen(tmp_path)
    found = {file.path: answers for file, answers in said_by(seen.files, seen)}
    assert found["a.zip!/x.bin"] == {"zip.comment": WORD, "zip.method": "stored"}


def test_how_a_zip_packs_a_member(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as opened:
        for name, method in (("x", zipfile.ZIP_STORED), ("y", zipfile.ZIP_DEFLATED)):
            opened.writestr(name, RAW * 9, method)
    seen = Seen(tmp_path)
    found = {file.path: answers.get("zip.method") for file, answers in said_by(seen.files, seen)}
    assert found == {"a.zip": None, "a.zip!/x": "stored", "a.zip!/y": "packed"}


def test_headers_of_arrays_and_what_follows_them(tmp_path: Path) -> None:
    packed = io.BytesIO()
    np.save(packed, np.zeros((2, 3), dtype="<f4"))
    found = said(tmp_path, "x.npy", packed.getvalue() + RAW)
    assert (found["npy.descr"], found["npy.shape"], found["trailing"]) == ("<f4", "(2, 3)", WORD)


def test_metadata_of_parquet_and_feather(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    import pyarrow.feather as feather
    import pyarrow.parquet as pq

    field = pa.field("id", pa.int64(), metadata={"note": "beside a column"})
    table = pa.table([[1]], schema=pa.schema([field], metadata={"answers": WORD}))
    for name, write in (("parquet", pq.write_table), ("feather", feather.write_feather)):
        write(table, tmp_path / name)
        found = said(tmp_path, name, (tmp_path / name).read_bytes())
        assert (found[f"{name}.meta.answers"], found[f"{name}.column.id.note"]) == (WORD, "beside a column")


def test_features_of_a_record_and_variables_of_matlab(tmp_path: Path) -> None:
    from scipy.io import savemat

    assert said(tmp_path, "x.tfrec", frame(encode_example({"label": [3], "name": [RAW]})).raw) == {
        "tfrecord.label": "3",
        "tfrecord.name": WORD,
    }
    labels = np.array([("wave", 1), ("bow", 5)], dtype=[("Name", "O"), ("Begin", "O")])
    savemat(tmp_path / "x.mat", {"Video": {"Labels": labels, "Rate": 20}})
    found = said(tmp_path, "x.mat", (tmp_path / "x.mat").read_bytes())
    assert (found["mat.Video.Labels.Name"], found["mat.Video.Labels.Begin"], found["mat.Video.Rate"]) == ("wave bow", "1 5", "20")


def test_values_of_small_documents(tmp_path: Path) -> None:
    assert said(tmp_path, "x.json", json.dumps({"a": {"b": 1.50}, "c": [1, 2]}).encode())["json.a.b"] == "1.5"
    found = said(tmp_path, "x.xml", b"<annotation folder='f'><!-- class 3 --><object><name>cat</name></object></annotation>")
    assert (found["xml.object.name"], found["xml.folder"], found["xml.comment"]) == ("cat", "f", WORD)
    found = said(tmp_path, "x.yaml", b"# class 3\nlabel: cat\nscore = 2\n")
    assert (found["text.label"], found["text.score"], found["text.comment"]) == ("cat", "2", WORD)
    assert said(tmp_path, "x.lab", RAW) == {"text": WORD, "text.form": "utf-8 lf open"}


def test_strings_of_what_only_programs_read(tmp_path: Path) -> None:
    assert WORD in said(tmp_path, "x.pkl", pickle.dumps({"label": WORD}))["pickle"].splitlines()
    assert said(tmp_path, "x.h5", b"\x89HDF\r\n\x1a\n" + bytes(50) + b"labelled" + bytes(50))["strings"] == "labelled"


def test_titles_of_documents(tmp_path: Path) -> None:
    assert said(tmp_path, "x.pdf", b"%PDF-1.4\n/Title (class 3) /Author <636174>\n%%EOF\n")["pdf.Title"] == WORD
    properties = b"<p:coreProperties xmlns:dc='x'><dc:title>class 3</dc:title></p:coreProperties>"
    found = said(tmp_path, "x.docx", zipped({"[Content_Types].xml": b"", "docProps/core.xml": properties}))
    assert found["document.title"] == WORD
    nifti = bytearray(352)
    nifti[:4], nifti[148:155], nifti[344:348] = struct.pack("<i", 348), RAW, b"n+1\0"
    assert said(tmp_path, "x.nii", bytes(nifti))["nifti.descrip"] == WORD


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_members_of_archives_say_the_same(method: int, tmp_path: Path) -> None:
    content = picture("JPEG", exif=exif()) + RAW
    (tmp_path / "a.zip").write_bytes(zipped({"x.jpg": content}, method))
    (tmp_path / "b.tar").write_bytes(tarred({"x.jpg": content}))
    (tmp_path / "c.tar.gz").write_bytes(tarred({"inner.zip": zipped({"x.jpg": content}, method)}, "w:gz"))
    seen = Seen(tmp_path)
    found = {file.path: answers for file, answers in said_by(seen.files, seen) if file.path.endswith(".jpg")}
    assert list(found) == ["a.zip!/x.jpg", "b.tar!/x.jpg", "c.tar.gz!/inner.zip!/x.jpg"]
    assert all((answers["exif.ImageDescription"], answers["trailing"]) == (WORD, WORD) for answers in found.values())


def test_processes_share_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(said_module, "_WORTH_PROCESSES", 2)
    for number in range(300):
        (tmp_path / f"{number:03}.txt").write_text(f"label {number}")
    (tmp_path / "a.zip").write_bytes(zipped({"x.txt": RAW}))
    seen = Seen(tmp_path)
    found = {file.path: answers.get("text") for file, answers in said_by(seen.files, seen, jobs=2)}
    assert len(found) == 302
    assert (found["299.txt"], found["a.zip!/x.txt"]) == ("label 299", WORD)


def test_what_the_file_system_keeps_beside_a_file(tmp_path: Path) -> None:
    (tmp_path / "x.bin").write_bytes(b"\0")
    try:
        os.setxattr(tmp_path / "x.bin", "user.label", RAW)
    except OSError:
        pytest.skip("the file system keeps nothing beside files")
    seen = Seen(tmp_path)
    ((_, found),) = said_by(seen.files, seen)
    assert found["xattr.user.label"] == WORD


def test_how_strongly_a_picture_is_packed(tmp_path: Path) -> None:
    found = [said(tmp_path, f"{quality}.jpg", picture("JPEG", quality=quality)) for quality in (50, 90, 90)]
    assert found[0]["jpeg.tables"] != found[1]["jpeg.tables"] == found[2]["jpeg.tables"]


def test_values_of_tiny_arrays(tmp_path: Path) -> None:
    packed = io.BytesIO()
    np.save(packed, np.array(3))
    assert said(tmp_path, "x.npy", packed.getvalue())["npy.values"] == "3"


def test_long_values_are_cut(tmp_path: Path) -> None:
    found = said(tmp_path, "x.json", json.dumps({"a": "x" * 5_000, **{str(n): n for n in range(3_000)}}).encode())
    assert len(found["json.a"]) == 1_000
    assert len(found) <= 500


def test_texts_are_decoded(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("é" * 10, encoding="utf-16")
    (tmp_path / "b.bin").write_bytes(bytes(range(256)))
    (tmp_path / "c.tar.gz").write_bytes(tarred({"d.nmea": b"$GPGGA,1"}, "w:gz"))
    seen = Seen(tmp_path)
    assert {file.path: text for file, text in text_lines(seen.files, seen, most=8)} == {
        "a.log": "é" * 3,
        "c.tar.gz!/d.nmea": "$GPGGA,1",
    }


WHOLE = {
    "x.jpg": lambda: picture("JPEG", exif=exif(), comment=WORD),
    "x.png": lambda: picture("PNG", exif=exif()),
    "x.gif": lambda: picture("GIF", comment=RAW),
    "x.bmp": lambda: picture("BMP"),
    "x.tif": lambda: picture("TIFF", exif=exif("TIFF")),
    "x.webp": lambda: picture("WEBP", exif=exif()),
    "x.wav": lambda: riff(b"WAVE", (b"fmt ", FORMAT), (b"LIST", b"INFOINAM\x08\0\0\0class 3\0"), (b"data", bytes(99))),
    "x.dcm": lambda: dicom(element(0x10, 0x20, b"LO", b"patient"), element(0x7FE0, 0x10, b"OW", bytes(40))),
    "x.flac": lambda: b"fLaC\x84\0\0\x20" + vorbis(b"TITLE=" + RAW),
    "x.mp4": lambda: box(b"ftyp", b"isom") + box(b"moov", box(b"udta", box(b"name", RAW))),
    "x.zip": lambda: zipped({"[Content_Types].xml": b"", "docProps/core.xml": b"<title>x</title>"}),
    "x.npy": lambda: b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }".ljust(128) + bytes(24),
    "x.tfrec": lambda: frame(encode_example({"label": [3], "name": [RAW]})).raw,
    "x.pkl": lambda: pickle.dumps({"label": [WORD, 1, 2.5]}),
    "x.mat": lambda: b"MATLAB 5.0 MAT-file" + bytes(300),
    "x.pdf": lambda: b"%PDF /Title (x) %%EOF",
    "x.xml": lambda: b"<a><b>1</b></a>",
    "x.json": lambda: b'{"a": {"b": 1}}',
}


@pytest.mark.parametrize("name", WHOLE)
def test_damaged_files_crash_nothing(name: str, tmp_path: Path) -> None:
    whole = WHOLE[name]()
    step = max(1, len(whole) // 120)
    variants = [whole[:end] for end in range(0, len(whole), step)]
    for place in range(0, len(whole), step):
        for value in (0x00, 0x7F, 0xFF):
            variants.append(whole[:place] + bytes([value]) * 4 + whole[place + 4 :])
    for number, variant in enumerate(variants):
        (tmp_path / f"{number:05}{name}").write_bytes(variant)
    seen = Seen(tmp_path)
    found = list(said_by(seen.files, seen))
    assert len(found) <= len(variants)
    assert all(len(text) <= 1_000 for _, answers in found for text in answers.values())


def test_random_bytes_crash_nothing(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for number, head in enumerate([WHOLE[name]()[:12] for name in WHOLE] * 5):
        (tmp_path / f"{number}").write_bytes(head + rng.bytes(int(rng.integers(1, 3_000))))
    seen = Seen(tmp_path)
    assert len(list(said_by(seen.files, seen))) <= len(seen.files) == 90
