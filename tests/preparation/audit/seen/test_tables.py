"""Tables are found in every format that data comes in, with cells as they are written."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import sqlite3
import struct
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlebench.data.tfrecord import encode_example, frame
from mlebench.preparation.audit.seen.formats import records
from mlebench.preparation.audit.seen.listing import Seen
from mlebench.preparation.audit.seen.tables import SeenTable, tables_of
from tests.preparation.audit.seen.packing import tarred, zipped


def found(folder: Path, **contents: bytes | str) -> dict[str, list[list[str]]]:
    """By path of a table its rows, the names of the columns first."""
    for name, content in contents.items():
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return {table.path: rows_of(table) for table in tables_of(Seen(folder))}


def rows_of(table: SeenTable) -> list[list[str]]:
    chunks = list(table.chunks(rows=2))
    assert all(tuple(chunk.columns) == table.columns and 0 < len(chunk) <= 2 for chunk in chunks)
    return [list(table.columns), *(row for chunk in chunks for row in chunk.to_numpy().tolist())]


WANTED = [["id", "label"], ["a", "1.0"], ["b", "1"], ["c", ""]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_delimited_text_in_any_encoding(mark: str, encoding: str, tmp_path: Path) -> None:
    text = "\r\n".join(mark.join(row) for row in [*WANTED, ["é", "2"]])
    assert found(tmp_path, **{"t.csv": text.encode(encoding)}) == {"t.csv": [*WANTED, ["é", "2"]]}


def test_quoted_cells_hold_delimiters_and_lines(tmp_path: Path) -> None:
    assert found(tmp_path, **{"t.csv": 'id,text\n1,"a, ""b""\nc"\n2,NA\n3,nan\n'})["t.csv"][1:] == [
        ["1", 'a, "b"\nc'],
        ["2", "NA"],
        ["3", "nan"],
    ]


@pytest.mark.parametrize("name", ["t.csv.gz", "t.zip", "t.tar.gz"])
def test_tables_behind_packings(name: str, tmp_path: Path) -> None:
    text = b"id,label\na,1.0\nb,1\nc,\n"
    content = {"t.csv.gz": gzip.compress(text), "t.zip": zipped({"t.csv": text}), "t.tar.gz": tarred({"t.csv": text}, "w:gz")}[
        name
    ]
    assert found(tmp_path, **{name: content}) == {f"{name}!/t.csv": WANTED}


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("1 2 3\n4 5 6\n7 8 9\n", ["0", "1", "2"]),
        ("0.5,2,3\n4,5,6\n", ["0", "1", "2"]),
        ("a.jpg,cat\nb.jpg,dog\nc.jpg,cat\n", ["0", "1"]),
        ("id,0,1\na,5,6\nb,7,8\n", ["id", "0", "1"]),
        ("id,label\na,0\nb,1\n", ["id", "label"]),
    ],
)
def test_a_header_is_told_from_a_first_row(text: str, first: list[str], tmp_path: Path) -> None:
    assert found(tmp_path, **{"t.txt": text})["t.txt"][0] == first


def test_comments_before_a_table_are_left_out(tmp_path: Path) -> None:
    assert found(tmp_path, **{"t.csv": "# made by hand\n\n" + "id,label\na,1.0\nb,1\nc,\n"}) == {"t.csv": WANTED}


def test_lists_of_labels_at_the_end_of_rows_stay_together(tmp_path: Path) -> None:
    text = "id,[labels]\n0,?\n1,2,3\n2\n3,4,5,6\n4,1,1\n"
    assert found(tmp_path, **{"t.txt": text})["t.txt"][1:] == [["0", "?"], ["1", "2,3"], ["2", ""], ["3", "4,5,6"], ["4", "1,1"]]


def test_kinds_of_rows_in_a_log_are_tables_each(tmp_path: Path) -> None:
    text = "".join(f"$GPGGA,{n},5000.{n},N\n$GPRMC,{n},A\n" for n in range(9))
    tables = found(tmp_path, **{"span.nmea": text})
    assert list(tables) == ["span.nmea#$GPGGA", "span.nmea#$GPRMC"]
    assert tables["span.nmea#$GPGGA"][3] == ["$GPGGA", "2", "5000.2", "N"]


def test_one_value_in_each_line(tmp_path: Path) -> None:
    assert found(tmp_path, **{"labels.txt": "cat\ndog\ncat\n"})["labels.txt"] == [["0"], ["cat"], ["dog"], ["cat"]]


def test_names_and_values_with_blanks_between(tmp_path: Path) -> None:
    text = "".join(f"test/{n}.jpg {n % 3}\n" for n in range(9))
    assert found(tmp_path, **{"list.txt": text})["list.txt"][:2] == [["0", "1"], ["test/0.jpg", "0"]]


MARKUP = {
    "a.md": "# Title\n\ntext\n\n| id | label |\n|---|---|\n| a | 1.0 |\n| b | 1 |\n| c | |\n",
    "a.html": "<table><tr><th>id</th><th>label</th></tr><tr><td>a</td><td>1.0</td></tr><tr><td>b<td>1</td></tr>"
    "<tr><td>b</td><td><b>1</b></td></tr><tr><td>c</td><td></td></tr></table>",
    "a.xml": "<root><x><row id='a'><label>1.0</label></row><row id='b'><label>1</label></row><row id='c'/></x></root>",
    "a.yaml": "# labels\na: 1.0\n'b': \"1\"\nc: x\n",
    "a.py": "LABELS = {\n    'a': '1.0',\n    'b': 1,\n    'c': 'x',\n}\n",
    "a.sql": "CREATE TABLE t (id TEXT);\nINSERT INTO t VALUES ('a', 1.0), ('b', 1), ('c', 'it''s; (x)');\n",
}


@pytest.mark.parametrize("name", MARKUP)
def test_rows_and_pairs_in_markup_and_code(name: str, tmp_path: Path) -> None:
    ((path, rows),) = found(tmp_path, **{name: MARKUP[name]}).items()
    assert path.startswith(f"{name}#")
    assert [row for row in rows if row[0] == "b"] == [["b", "1"]]
    assert ["a", "1.0"] in rows


def test_text_that_an_archive_or_a_table_carries(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as opened:
        opened.writestr("x", b"1")
        opened.comment = json.dumps({f"id{n}": n % 3 for n in range(400)}).encode()
    (tmp_path / "b.zip").write_bytes(zipped({"x": b"1"}) + b"id,label\na,1.0\nb,1\nc,\n")
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"x": [1]}).replace_schema_metadata({"answers": json.dumps(["a", "b", "c"])}), tmp_path / "t.parquet")
    tables = found(tmp_path)
    assert tables["a.zip#comment"][:2] == [["key", "value"], ["id0", "0"]]
    assert len(tables["a.zip#comment"]) == 401
    assert tables["b.zip#trailing"] == WANTED
    assert tables["t.parquet#answers"] == [["value"], ["a"], ["b"], ["c"]]


def test_prose_is_no_table(tmp_path: Path) -> None:
    text = "Dear all, this is what we have.\nIt goes on, and on, and on.\nThen it ends.\n\nYours, me.\nAnd, too, them.\n"
    assert found(tmp_path, **{"readme.txt": text, "code.py": "a, b = 1, 2\n" * 9}) == {}


@pytest.mark.parametrize(
    "document",
    [
        [{"id": "a", "label": 1.0}, {"id": "b", "label": 1}, {"id": "c", "label": None}],
        {"id": ["a", "b", "c"], "label": [1.0, 1, None]},
        {"id": {"0": "a", "1": "b", "2": "c"}, "label": {"0": 1.0, "1": 1, "2": None}},
    ],
)
def test_json_by_records_and_by_columns(document: object, tmp_path: Path) -> None:
    (rows,) = found(tmp_path, **{"t.json": json.dumps(document)}).values()
    assert [row[-2:] for row in rows] == WANTED


def test_json_by_key_and_nested(tmp_path: Path) -> None:
    by_key = {"a": {"label": 1, "at": {"x": 1.50}}, "b": {"label": 2, "at": {"x": 2}}}
    coco = {"info": {"year": 1}, "images": [{"id": 1}, {"id": 2}], "annotations": [{"id": 3, "box": [1, 2]}]}
    scalars = {"a": "cat", "b": "dog", "c": "cat"}
    tables = found(tmp_path, **{"k.json": json.dumps(by_key), "coco.json": json.dumps(coco), "s.json": json.dumps(scalars)})
    assert tables["k.json"] == [["key", "label", "at.x"], ["a", "1", "1.5"], ["b", "2", "2"]]
    assert tables["coco.json#images"] == [["id"], ["1"], ["2"]]
    assert tables["s.json"] == [["key", "value"], ["a", "cat"], ["b", "dog"], ["c", "cat"]]


def test_geojson_features(tmp_path: Path) -> None:
    document = {"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {"name": n}} for n in "ab"]}
    assert found(tmp_path, **{"t.geojson": json.dumps(document)}) == {
        "t.geojson#features": [["type", "properties.name"], ["Feature", "a"], ["Feature", "b"]]
    }


def test_json_lines(tmp_path: Path) -> None:
    lines = '{"id": "a", "label": 1.0}\n{"id": "b", "label": 1}\n\n{"id": "c"}\n'
    assert found(tmp_path, **{"t.jsonl": lines, "u.json": lines}) == {"t.jsonl": WANTED, "u.json": WANTED}


@pytest.mark.parametrize("indent", [None, 2])
def test_large_json_is_read_record_by_record(indent: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "_WHOLE", 100)
    monkeypatch.setattr(records, "_PIECE", 7)
    items = [{"id": number, "text": "x" * number, "score": float(number)} for number in range(20)]
    document = {"info": {"year": 2}, "images": items, "note": "n", "annotations": [{"id": 1}, {"id": 22}], "last": 12345}
    tables = found(
        tmp_path, **{"list.json": json.dumps(items, indent=indent), "object.json": json.dumps(document, indent=indent)}
    )
    rows = [["id", "text", "score"], *([str(number), "x" * number, f"{number}.0"] for number in range(20))]
    assert tables["list.json"] == rows
    assert tables["object.json#images"] == rows
    assert tables["object.json#annotations"] == [["id"], ["1"], ["22"]]
    assert ["last", "12345"] in [row[::2] for row in tables["object.json"]]


def test_parquet_and_feather(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    table = pd.DataFrame({"id": ["a", "b", None], "n": [1.5, None, 2.0], "i": pd.array([2**60 + 1, None, 3], dtype="Int64")})
    table["kind"] = pd.Categorical(["x", "y", "x"])
    table.to_parquet(tmp_path / "t.parquet", engine="pyarrow")
    table.to_feather(tmp_path / "t.feather")
    rows = [["id", "n", "i", "kind"], ["a", "1.5", str(2**60 + 1), "x"], ["b", "", "", "y"], ["", "2.0", "3", "x"]]
    assert found(tmp_path) == {"t.feather": rows, "t.parquet": rows}


def test_arrays(tmp_path: Path) -> None:
    np.save(tmp_path / "one.npy", np.array([3, 4, 5]))
    np.save(tmp_path / "two.npy", np.asfortranarray(np.array([[1.5, 2], [3, np.nan]])))
    np.save(tmp_path / "picture.npy", np.zeros((4, 4, 3)))
    np.save(tmp_path / "named.npy", np.array([(1, "a")], dtype=[("id", "i4"), ("label", "U3")]))
    np.savez(tmp_path / "t.npz", id=np.array(["a", "b"]), label=np.array([True, False]))
    assert found(tmp_path) == {
        "named.npy": [["id", "label"], ["1", "a"]],
        "one.npy": [["0"], ["3"], ["4"], ["5"]],
        "t.npz": [["id", "label"], ["a", "true"], ["b", "false"]],
        "two.npy": [["0", "1"], ["1.5", "2.0"], ["3.0", ""]],
    }


def test_files_of_matlab(tmp_path: Path) -> None:
    from scipy.io import savemat

    labels = np.array([("wave", 1), ("bow", 5)], dtype=[("Name", "O"), ("Begin", "O")])
    savemat(tmp_path / "t.mat", {"Video": {"Labels": labels, "Rate": 20}, "scores": np.array([[1, 2], [3, 4]])})
    tables = found(tmp_path)
    assert tables["t.mat#Video.Labels"] == [["Name", "Begin"], ["wave", "1"], ["bow", "5"]]
    assert tables["t.mat#scores"] == [["0", "1"], ["1", "2"], ["3", "4"]]


def test_features_of_tfrecords(tmp_path: Path) -> None:
    examples = [{"id": [b"a"], "target": [3], "score": [0.1], "image": [b"\xff" * 5_000]}, {"id": [b"b"], "target": [4, 5]}]
    content = b"".join(frame(encode_example(example)).raw for example in examples)
    rows = [["id", "target", "score"], ["a", "3", "0.1"], ["b", "4 5", ""]]
    assert found(tmp_path, **{"t.tfrec": content, "other": content}) == {"other": rows, "t.tfrec": rows}


def test_documents_of_bson(tmp_path: Path) -> None:
    fields = b"\x10_id\0" + struct.pack("<i", 7) + b"\x02kind\0" + struct.pack("<i", 4) + b"cat\0"
    fields += b"\x05picture\0" + struct.pack("<i", 3) + b"\0abc" + b"\x01x\0" + struct.pack("<d", 1.5)
    document = struct.pack("<i", len(fields) + 5) + fields + b"\0"
    assert found(tmp_path, **{"t.bson": document * 2}) == {"t.bson": [["_id", "kind", "x"], *[["7", "cat", "1.5"]] * 2]}


def test_databases(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "t.db") as opened:
        opened.execute('CREATE TABLE "odd "" name" (id TEXT, label REAL)')
        opened.executemany('INSERT INTO "odd "" name" VALUES (?, ?)', [("a", 1.5), ("b", None)])
        opened.execute("CREATE VIEW endless AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n")
    opened.close()
    assert found(tmp_path) == {'t.db#odd " name': [["id", "label"], ["a", "1.5"], ["b", ""]]}


def test_workbooks(tmp_path: Path) -> None:
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    relation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    cells = '<row><c r="A1" t="s"><v>0</v></c><c r="C1" t="inlineStr"><is><t>label</t></is></c></row>'
    cells += '<row><c r="A2"><v>1.50</v></c><c r="C2" t="s"><v>1</v></c></row>'
    (tmp_path / "t.xlsx").write_bytes(
        zipped(
            {
                "[Content_Types].xml": b"<Types/>",
                "xl/workbook.xml": f'<workbook {main} xmlns:r="{relation}"><sheet name="s" r:id="r1"/></workbook>'.encode(),
                "xl/_rels/workbook.xml.rels": b'<Relationships><r Id="r1" Target="worksheets/sheet1.xml"/></Relationships>',
                "xl/sharedStrings.xml": f"<sst {main}><si><t>id</t></si><si><r><t>ca</t></r><r><t>t</t></r></si></sst>".encode(),
                "xl/worksheets/sheet1.xml": f"<worksheet {main}><sheetData>{cells}</sheetData></worksheet>".encode(),
            }
        )
    )
    assert found(tmp_path) == {"t.xlsx": [["id", "", "label"], ["1.50", "", "cat"]]}


class Explodes:
    """Unpickling it would leave a mark."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (exec, ("import pathlib; pathlib.Path('exploded').touch()",))


@pytest.mark.parametrize("protocol", range(6))
def test_pickles_are_read_without_being_unpickled(protocol: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    value = {"labels": ["cat", "dog", "cat"], "by_id": {"a": 1, "b": 2, "c": 3}, "trap": Explodes()}
    tables = found(tmp_path, **{"t.pkl": pickle.dumps(value, protocol=protocol)})
    (rows,) = tables.values()
    assert {tuple(column) for column in zip(*rows[1:], strict=True)} >= {("cat", "dog", "cat"), ("a", "b", "c"), ("1", "2", "3")}
    assert not (tmp_path / "exploded").exists()


def test_data_frames_and_arrays_in_pickles(tmp_path: Path) -> None:
    table = pd.DataFrame({"id": ["a", "b", "c"], "label": [1.5, 2.5, 3.5], "kind": ["x", "y", "x"], "n": [7, 8, 9]})
    table.to_pickle(tmp_path / "t.pkl")
    (tmp_path / "u.pkl").write_bytes(pickle.dumps(np.array([4, 5, 6])))
    columns = {path: {tuple(column) for column in zip(*rows[1:], strict=True)} for path, rows in found(tmp_path).items()}
    assert columns["t.pkl#3 rows"] >= {("a", "b", "c"), ("1.5", "2.5", "3.5"), ("x", "y", "x"), ("7", "8", "9")}
    assert columns["u.pkl#3 rows"] == {("4", "5", "6")}


def test_many_small_files_of_a_folder_are_one_table(tmp_path: Path) -> None:
    for folder in ("csv", "json"):
        (tmp_path / folder).mkdir()
    for number in range(40):
        (tmp_path / "csv" / f"{number:02}.csv").write_text(f"t,label\n0,{number % 3}\n1,{number % 3}\n")
        (tmp_path / "json" / f"{number:02}.json").write_text(json.dumps({"label": number % 3, "at": {"x": 1}}))
    tables = found(tmp_path)
    assert list(tables) == ["csv/*.csv", "json/*.json"]
    assert tables["csv/*.csv"][:3] == [["file", "row", "t", "label"], ["00", "0", "0", "0"], ["00", "1", "1", "0"]]
    assert tables["json/*.json"][2] == ["01", "0", "1", "1"]
    assert len(tables["json/*.json"]) == 41


def test_the_first_rows_of_a_table(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n" + "1,x\n" * 50)
    (table,) = tables_of(Seen(tmp_path))
    assert table.read(7).to_numpy().tolist() == [["1", "x"]] * 7


DAMAGED = {
    "a.csv": b'id,"label\n1,"2\n3,4"5\n' * 3,
    "b.json": b'[{"id": 1}, {"id"',
    "c.json": b"[" * 100_000,
    "d.parquet": b"PAR1" + bytes(50) + b"PAR1",
    "e.npy": b"\x93NUMPY\x01\x00\x10\x00{'descr': '<f8'}",
    "f.npy": b"\x93NUMPY\x01\x00\x46\x00{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999,)}     \n",
    "g.npz": b"PK\3\4 no zip",
    "h.mat": b"MATLAB 5.0 MAT-file" + bytes(200),
    "i.tfrec": frame(b"\xff\xff\xff").raw,
    "j.db": b"SQLite format 3\0" + bytes(500),
    "k.xlsx": b"PK\3\4",
    "l.bson": struct.pack("<i", 50) + b"\x02abc",
    "m.pkl": b"\x80\x04\x95\xff\xff",
    "n.pkl": b"\x80\x04K\x01\x85R.",
    "o.feather": b"ARROW1\0\0" + bytes(20),
    "p.jsonl": b'{"a": 1}\n{"a": \n',
    "q.tsv": b"a\tb\n\x00\x01\x02",
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_tables_are_troubles(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(DAMAGED[name])
    seen = Seen(tmp_path)
    tables = list(tables_of(seen))
    for table in tables:
        list(table.chunks())
    assert seen.troubles or name in ("a.csv", "q.tsv", "n.pkl")


def test_names_of_entities_do_not_blow_up(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as opened:
        opened.writestr("[Content_Types].xml", "<Types/>")
        opened.writestr("xl/workbook.xml", '<!DOCTYPE x [<!ENTITY a "aaaa">]><workbook>&a;</workbook>')
    (tmp_path / "t.xlsx").write_bytes(packed.getvalue())
    seen = Seen(tmp_path)
    assert list(tables_of(seen)) == []
    assert seen.troubles
