"""Changes to a valid submission: of cells, rows, columns, of how the file is written, and of its bytes."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Callable
from dataclasses import dataclass, replace

NUMBERS = (
    "0", "-0", "1", "-1", "2", "0.5", "-0.5", "1.0000001", ".5", "5.", "+0.5", " 0.5", "0.5 ", "\t1", "1e0", "1e-320",
    "1e308", "-1e308", "1e309", "1e400", "1e99999", "9" * 25, "9" * 400, "0." + "3" * 400, "1_0", "1,5", "1 000", "0x10",
    "0x1p3", "1d5", "1e", "e1", "1e+", "--1", "1-1", "50%", "$1", "½", "٣", "１", "−1", "2**3", "1/2", "9007199254740993",
    "18446744073709551616", "-9223372036854775809",
)  # fmt: skip
WORDS = (
    "", " ", "\t", "nan", "NaN", "-nan", "NA", "N/A", "n/a", "#N/A", "<NA>", "NULL", "null", "None", "none", "1.#IND", "inf",
    "-inf", "Infinity", "+INF", "True", "false", "TRUE", "yes", "-", "--", ".", "abc", "é", "\U0001f600", "a\u0301", "\u200b",
    "\ufeff", "\u202e", "\x00", "1\x00", "1\x002", "\x1b[31m", "\x07", "\x7f", "\x85", "\u2028", "\r", "\n", "\r\n", "\\",
    "\\n", "'", '"', '""', "'1'", "=1+1", "[1, 2]", "[[1], [2]]", "{'a': 1}", "(1,)", "b'1'", "1 2", "1 2 3", "2 1 1 1",
    "1 2 2 1", "0 5", "-1 5", "1.5 2", "1,2", "1;2", "1:2", "3:1", "-1:-1", "YES", "no", "1 1 1 1 1 1 1 1 1", "x 1 0 0 5 5",
    "x 1 5 5 0 0", "x 1 -9 -9 -1 -1", "a b", "a  b", " a", "a ",
)  # fmt: skip
SEPARATORS = (";", "\t", "|", ", ", " ", ":")
LINE_ENDS = ("\r\n", "\r", "\n\n", "\n\r", "\x0b", "\x0c", "\u2028", "\x85", " \n", ",\n")
ENCODINGS = ("utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1", "cp1252", "utf-7")
FRAGMENTS = (
    b"\x00", b"\x00" * 64, b"\xff", b"\xfe\xff", b"\xef\xbb\xbf", b"\xed\xb2\x80", b"\xc0\x80", b'"', b'""', b"'", b",",
    b",,", b"\n", b"\r", b"\r\n", b"\n\n", b"\\", b"\x1a", b"\x1b[2J", b"#", b" ", b"\t", b";", b"e400", b"-", b"_", b"nan",
    b"9" * 60,
)  # fmt: skip


@dataclass(frozen=True)
class Draft:
    """A submission that is being changed: a table and how it will be written."""

    header: list[str]
    rows: list[list[str]]
    separator: str = ","
    line_end: str = "\n"
    encoding: str = "utf-8"
    quote_all: bool = False
    escape: bool = True
    before: str = ""
    after: str = ""

    def written(self) -> bytes:
        """The file."""
        lines = [self.separator.join(map(self._cell, row)) + self.line_end for row in [self.header, *self.rows]]
        return (self.before + "".join(lines) + self.after).encode(self.encoding, errors="replace")

    def _cell(self, text: str) -> str:
        special = self.quote_all or self.separator in text or '"' in text or "\n" in text or "\r" in text
        return '"' + text.replace('"', '""') + '"' if special and self.escape else text


Change = Callable[[Draft, random.Random], Draft]


def drafted(submission: bytes) -> Draft:
    """The draft of a file that nobody has changed."""
    header, *rows = csv.reader(io.StringIO(submission.decode(), newline=""))
    return Draft(header, rows)


def harmless(draft: Draft, rng: random.Random) -> bytes:
    """The same submission in other bytes."""
    draft = rng.choice([shuffled_rows, shuffled_columns, extra_column, unchanged, unchanged])(draft, rng)
    draft = replace(draft, quote_all=rng.random() < 0.4, line_end=rng.choice(["\n", "\r\n"]))
    data = draft.written()
    if rng.random() < 0.3:
        data = b"\xef\xbb\xbf" + data
    return data.rstrip(b"\r\n") if rng.random() < 0.3 and draft.rows[-1][-1] else data + b"\n" * rng.randrange(3)


def hostile(draft: Draft, rng: random.Random) -> bytes:
    """A submission with one to three changes."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        draft = rng.choice(CHANGES)(draft, rng)
    data = draft.written()
    for _ in range(rng.choice((0, 0, 0, 0, 1, 2))):
        data = rng.choice(BYTE_CHANGES)(data, rng)
    return data


def _with_cell(draft: Draft, row: int, column: int, text: str) -> Draft:
    rows = list(draft.rows)
    rows[row] = [*rows[row][:column], text, *rows[row][column + 1 :]]
    return replace(draft, rows=rows)


def _any_cell(draft: Draft, rng: random.Random) -> tuple[int, int]:
    row = rng.randrange(len(draft.rows)) if draft.rows else -1
    return row, rng.randrange(len(draft.rows[row])) if row >= 0 and draft.rows[row] else -1


def odd_cell(draft: Draft, rng: random.Random) -> Draft:
    row, column = _any_cell(draft, rng)
    return draft if column < 0 else _with_cell(draft, row, column, rng.choice(rng.choice((NUMBERS, WORDS))))


def edited_cell(draft: Draft, rng: random.Random) -> Draft:
    row, column = _any_cell(draft, rng)
    return draft if column < 0 else _with_cell(draft, row, column, edited(draft.rows[row][column], rng))


def odd_column(draft: Draft, rng: random.Random) -> Draft:
    column = rng.randrange(max(len(draft.header), 1))
    text = rng.choice(rng.choice((NUMBERS, WORDS)))
    edit = rng.random() < 0.5
    rows = [
        [*row[:column], edited(row[column], random.Random(text)) if edit else text, *row[column + 1 :]]
        if column < len(row)
        else row
        for row in draft.rows
    ]
    return replace(draft, rows=rows)


def edited(text: str, rng: random.Random) -> str:
    """A text near the given one."""
    place = rng.randrange(len(text) + 1)
    tokens = text.split(" ")
    spot = rng.randrange(len(tokens))
    piece = rng.choice(rng.choice((NUMBERS, WORDS)))
    kind = rng.randrange(22)
    if kind == 0:
        return text[:place] + piece + text[place:]
    if kind == 1:
        return text[:place] + text[place + 1 :]
    if kind == 2:
        return text[:place]
    if kind == 3:
        return rng.choice((" ", "\t", "\n", "\xa0", "\u3000")) + text
    if kind == 4:
        return text + rng.choice((" ", "\t", "\r", "\xa0", "\x00", "\x00junk", ".0", "0", ".", "e0", "e400", "f", "%", "_1"))
    if kind == 5:
        return " ".join([*tokens[:spot], piece, *tokens[spot + 1 :]])
    if kind == 6:
        return " ".join([*tokens[:spot], *tokens[spot + 1 :]])
    if kind == 7:
        return " ".join([*tokens[: spot + 1], *tokens[spot:]])
    if kind == 8:
        return " ".join([*tokens[:spot], f"-{tokens[spot]}", *tokens[spot + 1 :]])
    if kind == 9:
        return " ".join(rng.sample(tokens, len(tokens)))
    if kind == 10:
        return rng.choice((",", ", ", ";", "  ", "\t", "\n", "\u2003", "|")).join(tokens)
    if kind == 11:
        return f"{text} {text}"
    if kind == 12:
        return text * rng.choice((2, 50))
    if kind == 13:
        return rng.choice(
            ("[{}]", "'{}'", '"{}"', "({})", "={}", "b'{}'", "{},", "+{}", "0{}", "00{}", "{}.0", "{}e0", "\ufeff{}")
        ).format(text)
    if kind == 14:
        return rng.choice((text.upper(), text.lower(), text.swapcase(), text[::-1]))
    if kind == 15:
        return text.translate({ord("0") + k: 0x0660 + k for k in range(10)})
    if kind == 16:
        return text[:place] + rng.choice("\x00\x01\x1b\x7f\u2028\u202e\ud800" if piece else " ") + text[place:]
    if kind == 17:
        return " ".join(f"{token}.0" for token in tokens)
    if kind == 18:
        return f"{text} " * rng.choice((3, 1_000)) + rng.choice(("", "x"))
    if kind == 19:
        return " " * rng.choice((1, 5_000)) + text
    if kind == 20:
        return rng.choice(("9", "a ", "1 ", "0", ",", '"', "-")) * rng.choice((5_000, 30_000))
    return piece


def odd_id(draft: Draft, rng: random.Random) -> Draft:
    row = rng.randrange(max(len(draft.rows), 1))
    return _with_cell(draft, row, 0, edited(draft.rows[row][0], rng)) if draft.rows and draft.rows[row] else draft


def swapped_ids(draft: Draft, rng: random.Random) -> Draft:
    if len(draft.rows) < 2:
        return draft
    first, second = rng.sample(range(len(draft.rows)), 2)
    moved = _with_cell(draft, first, 0, draft.rows[second][0]) if draft.rows[second] else draft
    return _with_cell(moved, second, 0, draft.rows[first][0]) if draft.rows[first] and rng.random() < 0.5 else moved


def dropped_rows(draft: Draft, rng: random.Random) -> Draft:
    count = rng.choice((1, 1, 2, len(draft.rows)))
    gone = set(rng.sample(range(len(draft.rows)), min(count, len(draft.rows))))
    return replace(draft, rows=[row for place, row in enumerate(draft.rows) if place not in gone])


def repeated_rows(draft: Draft, rng: random.Random) -> Draft:
    times = rng.choice((1, 1, 2, 40))
    more = [rng.choice(draft.rows) for _ in range(times)] if draft.rows else []
    return replace(draft, rows=[*draft.rows, *more])


def unchanged(draft: Draft, _: random.Random) -> Draft:
    return draft


def shuffled_rows(draft: Draft, rng: random.Random) -> Draft:
    return replace(draft, rows=rng.sample(draft.rows, len(draft.rows)))


def shuffled_columns(draft: Draft, rng: random.Random) -> Draft:
    order = rng.sample(range(len(draft.header)), len(draft.header))
    if any(len(row) != len(order) for row in draft.rows):
        return draft
    return replace(draft, header=[draft.header[k] for k in order], rows=[[row[k] for k in order] for row in draft.rows])


def dropped_column(draft: Draft, rng: random.Random) -> Draft:
    column = rng.randrange(max(len(draft.header), 1))
    return replace(draft, header=_without(draft.header, column), rows=[_without(row, column) for row in draft.rows])


def _without(row: list[str], column: int) -> list[str]:
    return row[:column] + row[column + 1 :]


def extra_column(draft: Draft, rng: random.Random) -> Draft:
    text = rng.choice(("0", "x", "a,b", "é", "1 2"))
    return replace(draft, header=[*draft.header, "note"], rows=[[*row, text] for row in draft.rows])


def repeated_column(draft: Draft, rng: random.Random) -> Draft:
    column = rng.randrange(max(len(draft.header), 1))
    name = draft.header[column] if column < len(draft.header) else ""
    name = rng.choice((name, name, f"{name}.1", f" {name}", name.upper()))
    rows = [[*row, row[column] if rng.random() < 0.7 and column < len(row) else rng.choice(NUMBERS)] for row in draft.rows]
    changed = replace(draft, header=[*draft.header, name], rows=rows)
    return shuffled_columns(changed, rng) if rng.random() < 0.5 else changed


def renamed_column(draft: Draft, rng: random.Random) -> Draft:
    if not draft.header:
        return draft
    column = rng.randrange(len(draft.header))
    return replace(draft, header=[*draft.header[:column], edited(draft.header[column], rng), *draft.header[column + 1 :]])


def ragged(draft: Draft, rng: random.Random) -> Draft:
    places = rng.sample(range(len(draft.rows)), min(len(draft.rows), rng.choice((1, 1, len(draft.rows)))))
    change = rng.choice(
        (lambda row: [*row, ""], lambda row: [*row, "1"], lambda row: row[:-1], lambda row: ["", *row], lambda row: [])
    )
    return replace(draft, rows=[change(row) if place in places else row for place, row in enumerate(draft.rows)])


def wide(draft: Draft, rng: random.Random) -> Draft:
    count = rng.choice((50, 500))
    place = rng.randrange(3)
    if place == 0:
        return replace(draft, header=[*draft.header, *[f"c{k}" for k in range(count)]])
    if place == 1:
        return replace(draft, rows=[[*row, *["0"] * count] for row in draft.rows[:3]] + draft.rows[3:])
    return replace(draft, header=[*draft.header, *[""] * count], rows=[[*row, *[""] * count] for row in draft.rows])


def odd_writing(draft: Draft, rng: random.Random) -> Draft:
    return rng.choice(
        (
            lambda: replace(draft, separator=rng.choice(SEPARATORS)),
            lambda: replace(draft, line_end=rng.choice(LINE_ENDS)),
            lambda: replace(draft, encoding=rng.choice(ENCODINGS)),
            lambda: replace(draft, escape=False),
            lambda: replace(
                draft,
                before=rng.choice(("\n", "# comment\n", "sep=,\n", " ", "\ufeff\ufeff", "{", ",".join(draft.header) + "\n")),
            ),
            lambda: replace(
                draft, after=rng.choice(("x", '"', "\x00" * 20, "\x1a", ",,,\n", "\n\n\n", " \n", "# end\n", "\ufeff"))
            ),
            lambda: replace(draft, rows=[*draft.rows, draft.header]),
            lambda: replace(draft, header=draft.rows[0], rows=draft.rows[1:]) if draft.rows else draft,
        )
    )()


CHANGES: list[Change] = [
    *[odd_cell, edited_cell] * 5, *[odd_column] * 2, odd_id, odd_id, swapped_ids, dropped_rows, repeated_rows, shuffled_rows,
    shuffled_columns, dropped_column, extra_column, repeated_column, renamed_column, ragged, wide, odd_writing, odd_writing,
]  # fmt: skip


def flipped(data: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(max(len(data), 1))
    return data[:place] + bytes([rng.randrange(256)]) + data[place + 1 :]


def inserted(data: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(data) + 1)
    return data[:place] + rng.choice(FRAGMENTS) + data[place:]


def truncated(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def moved(data: bytes, rng: random.Random) -> bytes:
    first, second = sorted(rng.randrange(len(data) + 1) for _ in range(2))
    return rng.choice(
        (
            data[:first] + data[second:],
            data[:second] + data[first:],
            data[second:] + data[:second],
            b"\x00" * first + data[first:],
        )
    )


BYTE_CHANGES = [flipped, inserted, inserted, truncated, moved]
