"""JSON files: reading them with the error named, and writing millions of flat records as quickly as the C encoder can."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from mlebench.data.raw_faults import damaged, missing
from mlebench.errors import RawDataFault

_INDENT = 4


def read_json(path: Path, encodings: Sequence[str] = ("utf-8",)) -> Any:
    """The content of a JSON file.

    Args:
        path: the file.
        encodings: tried in order until one decodes the whole file.

    Raises:
        RawDataFault: if the file is missing, cut off, or in another encoding.
    """
    for encoding in encodings:
        try:
            # some programs put a mark before the text
            with path.open(encoding="utf-8-sig" if encoding == "utf-8" else encoding) as file:
                return json.load(file)
        except UnicodeDecodeError:
            continue
        except FileNotFoundError:
            raise missing(path) from None
        except json.JSONDecodeError as error:
            raise damaged(path, error) from None
    raise RawDataFault(f"{path} is damaged: it is not {' or '.join(encodings)} text; download it again")


def read_json_lines(path: Path) -> Iterator[Any]:
    """The objects of a file with one JSON document per line, one at a time; blank lines are skipped.

    Raises:
        RawDataFault: if the file is missing, cut off, or not UTF-8.
    """
    number = 0
    try:
        with path.open(encoding="utf-8", newline="\n") as file:
            for number, line in enumerate(file, start=1):  # noqa: B007  # told when a line is damaged
                if line.strip():
                    yield json.loads(line)
    except FileNotFoundError:
        raise missing(path) from None
    except ValueError as error:
        raise RawDataFault(f"{path} is damaged at line {max(number, 1):,} ({error}); download it again") from None


def write_json_list(path: Path, records: Iterable[Any]) -> None:
    """Write what `json.dump(list(records), file)` writes, record by record; the folder is made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="ascii") as file:
        separator = "["
        for record in records:
            file.write(separator + json.dumps(record))
            separator = ", "
        file.write("[]" if separator == "[" else "]")


def write_indented_json(path: Path, document: Mapping[str, Any] | Iterable[Any]) -> None:
    """Write what `json.dump(document, file, indent=4, sort_keys=True)` writes, record by record.

    Args:
        path: the file; its folder is made if need be.
        document: an object or an array. Arrays at the top, and those directly in a top-level object, may be any iterable, a
            generator included, so that records need not be in memory.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="ascii") as file:
        if not isinstance(document, Mapping):
            _write_array(file, document, 0)
            return
        opening = "{\n"
        for key in sorted(document):
            file.write(f"{opening}{' ' * _INDENT}{json.dumps(key)}: ")
            _write_value(file, document[key])
            opening = ",\n"
        file.write("\n}" if document else "{}")


def _write_value(file: IO[str], value: Any) -> None:
    if isinstance(value, Mapping | str | int | float) or value is None:
        file.write(_indented(value, 1))
    else:
        _write_array(file, value, 1)


def _write_array(file: IO[str], items: Iterable[Any], depth: int) -> None:
    inner = "\n" + " " * _INDENT * (depth + 1)
    deeper = inner + " " * _INDENT
    flat = json.JSONEncoder(sort_keys=True, separators=(f",{deeper}", ": "))
    separator = "["
    for item in items:
        if isinstance(item, dict) and item and not any(isinstance(value, dict | list) for value in item.values()):
            text = f"{{{deeper}{flat.encode(item)[1:-1]}{inner}}}"
        else:
            text = _indented(item, depth + 1)
        file.write(f"{separator}{inner}{text}")
        separator = ","
    file.write("[]" if separator == "[" else f"\n{' ' * _INDENT * depth}]")


def _indented(value: Any, depth: int) -> str:
    # strings hold no line breaks once they are JSON, so every line break is one between values
    return json.dumps(value, indent=_INDENT, sort_keys=True).replace("\n", "\n" + " " * _INDENT * depth)
