"""Writes `mock.py`: a tiny raw download of the same tables, columns and files as the real one, without any of its rows."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path, PurePosixPath
from string import ascii_letters, digits

from mlebench.scaffold.draft.proposal import Draft, Media, RawTable, Target
from mlebench.scaffold.draft.written.columns import MOST_CATEGORIES, Column, distinct_expression, expression, kind_of, tags
from mlebench.scaffold.draft.written.files import content, example, names_in
from mlebench.scaffold.draft.written.labelled import labelled_rows
from mlebench.scaffold.draft.written.script import Script, literal
from mlebench.scaffold.draft.written.tables import Seen, form_of, see

MOST_CLASSES = 200
"""Classes of a label that a mock has all of."""
_FEW_CLASSES = 5
"""Classes of which every test set should have some, as an area under a curve needs."""
_WIDE = 30
_MOST_ENTRIES = 60
"""Stretches of columns that are written out; of more, columns of one kind are made alike."""
_LETTERS = ascii_letters + digits
_ROWS_OF_A_GROUP = 3


def mock_source(draft: Draft, raw: Path) -> str:
    """The text of `mock.py` for a competition.

    Args:
        draft: the competition.
        raw: its raw data, of which only the schema goes into the text.

    Raises:
        RawDataFault: a table of the draft is missing or damaged.
    """
    return _Mock(draft, raw).source()


class _Mock:
    """One `mock.py` in the making."""

    def __init__(self, draft: Draft, raw: Path) -> None:
        self.draft, self.raw = draft, raw
        self.script = Script()
        self.lines: list[str] = []
        self.packed: dict[str, str] = {}
        """Archives that several things go into: the folder that each is packed from."""
        self.seen = {"train": labelled_rows(draft, raw)}
        for role, table in (("test", draft.test), ("sample", draft.sample)):
            if table is not None:
                self.seen[role] = see(raw, table.path, table.member)

    def source(self) -> str:
        self.script.use("Path", "pathlib")
        self.script.use_module("import numpy as np")
        self.script.use_module("import pandas as pd")
        self._size()
        self._rows()
        self._parts()
        self._tables()
        self._media()
        self._copied()
        for archive, folder in self.packed.items():
            self._pack(archive, folder)
        head = "def mock(raw: Path, rng: np.random.Generator, size: int) -> None:"
        return self.script.render("\n".join([head, *(f"    {line}" if line else "" for line in self.lines)]))

    # rows

    @property
    def has_others(self) -> bool:
        """Whether there are rows without labels."""
        return "test" in self.seen or "sample" in self.seen

    @property
    def targets(self) -> list[Target]:
        return [target for target in self.draft.targets if target.name in self.columns("train")]

    def columns(self, role: str) -> list[str]:
        return list(self.seen[role].values.columns) if role in self.seen else []

    def column(self, name: str) -> Column:
        """A column of the labelled table, or else of the other."""
        role = "train" if name in self.columns("train") else "test"
        seen = self.seen[role]
        return Column(str(name), seen.values[name], None if seen.written is None else seen.written[name])

    def _size(self) -> None:
        least = self._least_rows()
        if least > 8:
            self.lines.append(f"size = max(size, {least})  # fewer rows would leave a class out of one part")
        self.count = "count" if self.has_others else "size"
        if self.has_others:
            self.lines.append("count = size + max(2, size // 4)")

    def _least_rows(self) -> int:
        classes = [min(len(self._classes(target) or []), MOST_CLASSES) for target in self.targets]
        most = max(classes, default=0)
        if 2 <= most <= _FEW_CLASSES:
            return math.ceil(2 * most / max(self.draft.test_size, 0.05))
        return 2 * most

    def _rows(self) -> None:
        """All columns that are not to be predicted, of labelled and other rows together."""
        targets = {target.name for target in self.targets}
        names = [name for name in self.columns("train") if name not in targets]
        names += [name for name in self.columns("test") if name not in names and name not in targets]
        made = self._keys(names)
        coarse = len(names) > _WIDE
        pairs = [(name, made.get(name) or self._feature(name, coarse)) for name in names]
        if not names:
            self.lines.append(f"rows = pd.DataFrame(index=range({self.count}))")
        elif len(pairs) == 1 and len(pairs[0][1]) < 90:
            self.lines.append(f"rows = pd.DataFrame({{{self._entries(pairs)[0]}}})")
        elif coarse and _runs(pairs) > _MOST_ENTRIES:
            self._summarised(_alike(pairs))
        else:
            self.lines += ["rows = pd.DataFrame(", "    {", *(f"        {line}," for line in self._entries(pairs)), "    }", ")"]

    def _summarised(self, pairs: Sequence[tuple[str, str]]) -> None:
        """The rows of a table of very many columns: a letter for each of them says what makes it."""
        letters = dict(zip(dict.fromkeys(made for _, made in pairs), _LETTERS, strict=False))
        makers = [f"    {literal(letter)}: lambda: {made}," for made, letter in letters.items()]
        names = self.script.values("columns", [name for name, _ in pairs])
        kinds = self.script.text("kinds", "".join(letters[made] for _, made in pairs))
        self.lines += ["makers = {", *makers, "}"]
        self.lines.append(f"rows = pd.DataFrame({{name: makers[kind]() for name, kind in zip({names}, {kinds}, strict=True)}})")

    def _feature(self, name: str, coarse: bool) -> str:
        return expression(self.script, self.column(name), coarse=coarse, count=self.count)

    def _entries(self, pairs: Sequence[tuple[str, str]]) -> list[str]:
        """Entries of a dict of columns; columns next to each other that are made alike are one entry."""
        entries: list[str] = []
        runs: list[tuple[list[str], str]] = []
        for name, made in pairs:
            if runs and runs[-1][1] == made and "rng" in made:
                runs[-1][0].append(name)
            else:
                runs.append(([name], made))
        for names, made in runs:
            if len(names) < 3:
                entries += [f"{literal(name)}: {made}" for name in names]
            else:
                entries.append(f"**{{{self._loop(names, made)}}}")
        return entries

    def _loop(self, names: Sequence[str], made: str) -> str:
        numbered = _numbered(names)
        if numbered:
            form, numbers = numbered
            return f"{form}: {made} for k in {numbers}"
        return f"name: {made} for name in {self.script.values('columns', names)}"

    def _keys(self, names: Sequence[str]) -> dict[str, str]:
        """Columns that name rows, files and groups: their values are distinct, or each holds for some rows."""
        made: dict[str, str] = {}
        bonds = {bond.column: bond for bond in self.draft.bonds if bond.kind != "time" and bond.column in names}
        ids = [name for name in self.draft.ids if name in names]
        for name, bond in bonds.items():
            if bond.separator is not None:
                made[name] = self._grouped_ids(name, bond.separator, bond.part)
            elif name not in ids or len(ids) > 1:
                made[name] = self._repeated(name)
        free = [name for name in ids if name not in made]
        for place, name in enumerate(free):
            made[name] = self._id(name, place, len(free), bool(set(ids) - set(free)))
        media = self.draft.media
        file = media.column if media else None
        if file is not None and file in names and file not in made:
            made[file] = self._distinct(file) if self.column(file).present.is_unique else self._repeated(file)
        return made

    def _distinct(self, name: str) -> str:
        return distinct_expression(self.script, self.column(name), self.count)

    def _repeated(self, name: str, rows: int = _ROWS_OF_A_GROUP) -> str:
        """Every value in some rows, one after another."""
        pool = distinct_expression(self.script, self.column(name), f"{self.count} // {rows} + 1")
        return f"np.repeat({pool}, {rows})[:{self.count}]"

    def _id(self, name: str, place: int, of: int, beside_groups: bool) -> str:
        """One of several columns that identify a row together: the first holds for some rows, the others count these."""
        column = self.column(name)
        if (of == 1 and not beside_groups) or (column.present.is_unique and not beside_groups):
            return self._distinct(name)
        if place == 0 and not beside_groups:
            return self._repeated(name, 4)
        rows = _ROWS_OF_A_GROUP if beside_groups else 4
        pool = distinct_expression(self.script, self._few(column), str(rows))
        return f"np.resize({pool}, {self.count})"

    @staticmethod
    def _few(column: Column) -> Column:
        """The column with each of its values once, in order."""
        kept = column.values.drop_duplicates().dropna().sort_values()
        return Column(column.name, kept, None if column.written is None else column.written.loc[kept.index])

    def _grouped_ids(self, name: str, separator: str, part: int) -> str:
        """Ids such as `0001_02`, of which one part is a group's and another counts its rows."""
        import pandas as pd

        cells = [word.split(separator) for word in self.column(name).words]
        usual = Counter(map(len, cells)).most_common(1)[0][0]
        parts = pd.DataFrame([cell for cell in cells if len(cell) == usual])
        group = Column(name, parts[part].drop_duplicates(), parts[part].drop_duplicates())
        pool = distinct_expression(self.script, group, f"{self.count} // {_ROWS_OF_A_GROUP} + 1")
        self.lines.append(f"groups = np.repeat({pool}, {_ROWS_OF_A_GROUP})[:{self.count}]")
        pieces: list[str] = []
        counted = False
        for place in range(usual):
            cell = parts[place]
            width = int(cell.str.len().min()) if cell.str.len().nunique() == 1 and cell.str.isdigit().all() else 0
            if place == part:
                pieces.append("{group}")
            elif cell.nunique() == 1:
                pieces.append(_escaped(cell.iloc[0]))
            elif not counted:
                pieces.append(f"{_letters_before(cell)}{{k % {_ROWS_OF_A_GROUP} + 1:0{width}d}}" if width else
                              f"{_letters_before(cell)}{{k % {_ROWS_OF_A_GROUP} + 1}}")  # fmt: skip
                counted = True
            else:
                pieces.append("{k}")
        form = _escaped(separator).join(pieces)
        return f"[f{literal(form)} for k, group in enumerate(groups)]"

    # tables

    def _parts(self) -> None:
        """The labelled rows with their labels, and the others."""
        extra = [name for name in self.columns("test") if name not in self.columns("train")]
        whole = f"rows[:size].drop(columns={literal(extra)})" if extra else "rows[:size].copy()" if self.has_others else "rows"
        self.lines.append(f"train = {whole}")
        self._labels()
        wanted = self.columns("train")
        targets = [target.name for target in self.targets]
        if not self._are_inserted() and wanted != [*(name for name in wanted if name not in targets), *targets]:
            self.lines.append(f"train = train[{self.script.listed('train columns', wanted)}]")
        if self.has_others:
            self.lines.append(f"test = rows[size:]{self._selection()}")

    def _selection(self) -> str:
        """What makes the unlabelled table of all columns."""
        wanted = self.columns("test")
        targets = {target.name for target in self.targets}
        here = [name for name in self.columns("train") if name not in targets]
        here += [name for name in wanted if name not in here]
        wanted = [name for name in wanted if name in here]
        if "test" not in self.seen or wanted == here:
            return ""
        dropped = [name for name in here if name not in wanted]
        if [name for name in here if name in wanted] == wanted:
            return f".drop(columns={self.script.listed('not in test', dropped)})"
        return f"[{self.script.listed('test columns', wanted)}]"

    def _are_inserted(self) -> bool:
        """Whether each label goes straight to its place among the columns."""
        return len(self.targets) <= _FEW_CLASSES and not self._exclude_each_other()

    def _labels(self) -> None:
        targets = self.targets
        if self._are_inserted():
            wanted = self.columns("train")
            for target in sorted(targets, key=lambda target: wanted.index(target.name)):
                made, place = self._label(target), wanted.index(target.name)
                is_behind = place >= len(wanted) - len(targets)
                name = literal(target.name)
                self.lines.append(f"train[{name}] = {made}" if is_behind else f"train.insert({place}, {name}, {made})")
            return
        if self._exclude_each_other():
            names = self.script.listed("classes", [target.name for target in targets])
            cycled = f"{self.script.use('cycle')}(range({len(targets)}), rng, size)"
            self.lines.append(f"train[{names}] = np.eye({len(targets)}, dtype=int)[{cycled}]")
            return
        runs: list[tuple[list[str], str]] = []
        for target in targets:
            made = self._label(target)
            if runs and runs[-1][1] == made:
                runs[-1][0].append(target.name)
            else:
                runs.append(([target.name], made))
        for names_of_run, made in runs:
            if len(names_of_run) > 2:
                self.lines += [f"for name in {self.script.values('targets', names_of_run)}:", f"    train[name] = {made}"]
            else:
                self.lines += [f"train[{literal(name)}] = {made}" for name in names_of_run]

    def _exclude_each_other(self) -> bool:
        """Whether the columns to predict are 0 and 1 with a single 1 in each row."""
        names = [target.name for target in self.targets]
        if len(names) < 2:
            return False
        cells = self.seen["train"].values[names]
        return bool(cells.isin([0, 1]).all().all()) and bool((cells.sum(axis=1) == 1).all())

    def _label(self, target: Target) -> str:
        column = self.column(target.name)
        if self.draft.metric.submits == "masks":
            drawn = (
                '[" ".join(f"{60 * k + 1} {n}" for k, n in enumerate(rng.integers(1, 20, m))) for m in rng.integers(1, 4, size)]'
            )
            return f"{self.script.use('with_gaps')}(rng, {drawn}, {round(column.gaps, 2)})" if column.gaps else drawn
        values = self._classes(target) if target.classes or self.draft.metric.submits != "texts" else []
        if values == []:
            if self.draft.metric.submits == "texts":
                # cells that seem empty are mostly words such as "NA"
                kept = column.values.notna()
                column = Column(column.name, column.values[kept], None if column.written is None else column.written[kept])
            return expression(self.script, _without_zeros(column), count="size")
        if values is None:
            return self._listed(target, column)
        some = values if len(values) <= MOST_CLASSES else values[:: len(values) // MOST_CATEGORIES][:MOST_CATEGORIES]
        classes = self.script.values(target.name, some)
        if any(bond.kind != "time" for bond in self.draft.bonds):
            # a group of rows then has several classes, so that a part of few groups has, too
            return f"{self.script.use('in_rounds')}({classes}, rng, size)"
        if self.draft.stratify is None and len(some) <= _FEW_CLASSES:
            cycled = self.script.use("cycle_in_test")
            return f"{cycled}({classes}, rng, size, {literal(self.draft.origin.id)}, {round(self.draft.test_size, 4)})"
        return f"{self.script.use('cycle')}({classes}, rng, size)"

    def _classes(self, target: Target) -> list[object] | None:
        """The values of a label: its classes, or else the few numbers that there are; None if cells list several classes."""
        column = self.column(target.name)
        if target.classes:
            return _typed(target.classes, column)
        few = column.present.drop_duplicates().sort_values()
        is_flag = len(few) <= _FEW_CLASSES and len(few) > 1 and not column.gaps
        return few.to_list() if is_flag and kind_of(column) in ("boolean", "whole number") else []

    def _listed(self, target: Target, column: Column) -> str:
        """Cells that list several of the classes."""
        found = tags(column.words)
        separator = found[0] if found else " "
        classes = self.script.values(target.name, target.classes[:MOST_CLASSES])
        most = min(len(target.classes), 3)
        return f"[{literal(separator)}.join(rng.choice({classes}, n, replace=False)) for n in rng.integers(1, {most + 1}, size)]"

    def _tables(self) -> None:
        if self.draft.media is None or self.draft.media.column is not None:
            self._write("train", self.draft.train, self.seen["train"])
        if self.draft.test is not None:
            self._write("test", self.draft.test, self.seen["test"])
        if self.draft.sample is not None:
            self._sample()
            self._write("sample", self.draft.sample, self.seen["sample"])

    def _sample(self) -> None:
        """The sample submission: the others' ids, and the value that the real one has everywhere."""
        columns = self.columns("sample")
        here = set(self.columns("test")) or set(self.columns("train")) - {target.name for target in self.targets}
        keys = [name for name in columns if name in self.draft.ids and name in here]
        made = f"test[{literal(keys)}]"
        if not keys:
            known = next((name for name in self.draft.ids if name in here), None)
            keys = columns[:1]
            values = f"test[{literal(known)}]" if known else "range(len(test))"
            made = f"pd.DataFrame({{{literal(keys[0])}: {values}}})"
        constants = {name: self._usual(name) for name in columns if name not in keys}
        runs: dict[str, list[str]] = {}
        for name, value in constants.items():
            runs.setdefault(value, []).append(name)
        arguments = [
            f"{names[0]}={value}" if len(names) == 1 and names[0].isidentifier() and not _is_reserved(names[0]) else
            f"**dict.fromkeys({self.script.values('classes', names)}, {value})"
            for value, names in runs.items()
        ]  # fmt: skip
        ordered = [*keys, *(name for names in runs.values() for name in names)]
        selected = "" if ordered == columns else f"[{self.script.listed('sample columns', columns)}]"
        self.lines.append(f"sample = {made}.assign({', '.join(arguments)}){selected}")

    def _usual(self, name: str) -> str:
        """A value of the sample submission as Python: the one it has most often, or a made-up text."""
        seen = self.seen["sample"]
        column = Column(name, seen.values[name], None if seen.written is None else seen.written[name])
        if column.present.empty:
            return '""'
        value = column.present.mode().iloc[0]
        known = {name for target in self.draft.targets for name in target.classes}
        if isinstance(value, str) and value not in known and column.present.nunique() > 1:
            return '"amber"'
        return literal(value)

    def _write(self, variable: str, table: RawTable, seen: Seen) -> None:
        """The lines that write a table as the real one is written."""
        member = table.member
        if member is not None and (table.path in self._shared() or not self._is_plain_zip(table)):
            folder = self._packed_folder(table.path)
            self._write_file(variable, f"{folder}/{member}", seen)
            return
        if member is None and PurePosixPath(table.path).suffix in (".zip", ".7z"):
            folder = self._packed_folder(table.path)
            self._write_file(variable, f"{folder}/{PurePosixPath(table.path).stem}", seen)
            return
        if member is None:
            self._write_file(variable, table.path, seen)
            return
        self._make_parent(table.path)
        options = "" if member == PurePosixPath(table.path).stem else f", member={literal(member)}"
        options += "" if seen.delimiter == "," else f", sep={literal(seen.delimiter)}"
        self.lines.append(f"{self.script.use('write_zipped_csv', 'mlebench.data')}({variable}, {_below(table.path)}{options})")

    @staticmethod
    def _is_plain_zip(table: RawTable) -> bool:
        return table.path.endswith(".zip") and form_of(table.member or "") == "csv"

    def _shared(self) -> set[str]:
        """Archives that hold more than one table, or files beside a table."""
        held = [table.path for table in (self.draft.train, self.draft.test, self.draft.sample) if table is not None]
        if self.draft.media:
            held += [name for name in {self.draft.media.train, self.draft.media.test} if name]
        return {name for name in held if held.count(name) > 1}

    def _write_file(self, variable: str, path: str, seen: Seen) -> None:
        form = form_of(path)
        if form == "csv":
            options = "" if seen.delimiter == "," else f", sep={literal(seen.delimiter)}"
            options += ', compression={"method": "gzip", "mtime": 0}' if path.endswith(".gz") else ""
            self.lines.append(f"{self.script.use('write_csv', 'mlebench.data')}({variable}, {_below(path)}{options})")
            return
        self._make_parent(path)
        if form == "parquet":
            write = self.script.use("write_parquet", "mlebench.data")
            self.lines.append(f"{write}([{variable}], len({variable}), {_below(path)})")
        else:
            orient = {"json": seen.layout, "json lines": "lines"}[form]
            options = {"columns": "", "records": 'orient="records"', "lines": 'orient="records", lines=True'}[orient]
            self.lines.append(f'({_below(path)}).write_text({variable}.to_json({options}), encoding="utf-8")')

    def _make_parent(self, path: str) -> None:
        parent = PurePosixPath(path).parent.as_posix()
        if parent != ".":
            self.lines.append(f"({_below(parent)}).mkdir(parents=True, exist_ok=True)")

    # files

    def _packed_folder(self, archive: str) -> str:
        """The folder that an archive is packed from at the end; not one that the raw data has."""
        stem = archive.removesuffix(PurePosixPath(archive).suffix).removesuffix(".tar")
        taken = (self.raw / stem).exists() and stem != archive
        return self.packed.setdefault(archive, f"{stem}.unpacked" if taken else stem)

    def _pack(self, archive: str, folder: str) -> None:
        ending = PurePosixPath(archive).suffix.lower()
        packer = {".7z": "pack_7z", ".zip": "zip_folder"}.get(ending, "tar_folder")
        self.lines.append(f"{self.script.use(packer)}({_below(folder)}, {_below(archive)})")

    def _media(self) -> None:
        media = self.draft.media
        if media is None:
            return
        first = names_in(self.raw, media.train)
        named = next((name for name in first if _fits(media, name)), first[0] if first else media.name)
        made = content(self.script, named, example(self.raw, media.train, named) if first else b"")
        parts = [("train", media.train)]
        if media.test is not None:
            parts.append(("test", media.test))
        elif self.has_others and self._others_are_in(media):
            parts = [("rows", media.train)]
        for variable, entry in parts:
            names = self._names(media, variable, first)
            folder = _below(self._folder_of(entry, media))
            self.lines.append(f"{self.script.use('write_files')}({folder}, {names}, {made})")

    def _folder_of(self, entry: str, media: Media) -> str:
        """The folder that files of a folder or archive are written to."""
        if entry.endswith("/") or (self.raw / entry).is_dir():
            return entry.rstrip("/")
        inside = media.inside
        if entry != media.train:
            # archives of two parts often hold folders named like them
            first = next(iter(names_in(self.raw, entry, 1)), "")
            inside = inside if first.startswith(inside) else f"{PurePosixPath(first).parent.as_posix()}/"
        return f"{self._packed_folder(entry)}/{inside}".rstrip("/.")

    def _others_are_in(self, media: Media) -> bool:
        """Whether the unlabelled rows' files are where those of the labelled ones are."""
        role = "test" if "test" in self.seen else "sample"
        known = set(names_in(self.raw, media.train, 10**7))
        if media.column is None or media.column not in self.columns(role):
            return False
        seen = self.seen[role]
        words = Column(
            media.column, seen.values[media.column], None if seen.written is None else seen.written[media.column]
        ).words
        return bool(words) and f"{media.inside}{media.name.replace('{}', words[0])}" in known

    def _names(self, media: Media, variable: str, real: Sequence[str]) -> str:
        """An expression for the names of the files of some rows."""
        column = media.column or self.draft.ids[0]
        cells = f"{variable}[{literal(column)}]"
        known = column in self.columns("train") or column in self.columns("test")
        if known and not self.column(column).present.is_unique:
            cells += ".unique()"
        if media.column is None and variable == "train":
            form = _escaped(media.name).replace("{{}}", "{name}")
            label = f"train[{literal(self.draft.targets[0].name)}]"
            return f"[f{literal('{label}/' + form)} for label, name in zip({label}, {cells}, strict=True)]"
        if media.name == "{}/":
            inner = PurePosixPath(next((name for name in real if _fits(media, name)), "file.bin")).suffix
            return f"[f{literal('{name}/{k}' + _escaped(inner))} for name in {cells} for k in range(2)]"
        deep = "a/" if media.nested else ""
        if media.name == "{}" and not deep:
            return cells if known and self.column(column).values.dtype == object else f"{cells}.astype(str)"
        before, _, after = media.name.partition("{}")
        return f"[f{literal(deep + _escaped(before) + '{name}' + _escaped(after))} for name in {cells}]"

    def _copied(self) -> None:
        """Files that go to public unchanged: a few tiny ones of their kind."""
        done = {self.draft.media.train, self.draft.media.test} if self.draft.media else set()
        for entry in self.draft.copied:
            if entry not in done and entry not in self.packed:
                self._copy(entry)

    def _copy(self, entry: str) -> None:
        path = self.raw / entry
        write = self.script.use("write_files")
        is_archive = PurePosixPath(entry).suffix.lower() in (".zip", ".7z", ".tar", ".gz", ".tgz") and path.is_file()
        if path.is_dir() or (is_archive and not entry.endswith((".csv.gz", ".json.gz"))):
            real = names_in(self.raw, entry)
            if not real:
                self.lines.append(f"({_below(entry.rstrip('/'))}).mkdir(parents=True, exist_ok=True)")
                return
            folder = entry.rstrip("/") if path.is_dir() else self._packed_folder(entry)
            for name in _one_per_kind(real):
                made = content(self.script, name, example(self.raw, entry, name))
                inner, suffix = PurePosixPath(name).parent.as_posix(), "".join(PurePosixPath(name).suffixes[-1:])
                deep = f"{inner}/" if inner != "." and len(real) == 1 else ""
                names = [name] if len(real) == 1 or suffix == "" else [f"{deep}{k}{suffix}" for k in range(3)]
                self.lines.append(f"{write}({_below(folder)}, {literal(names)}, {made})")
            return
        folder, name = PurePosixPath(entry).parent.as_posix(), PurePosixPath(entry).name
        made = content(self.script, entry, example(self.raw, folder, name))
        self.lines.append(f"{write}({_below(folder)}, {literal([name])}, {made})")


def _without_zeros(column: Column) -> Column:
    """A column of numbers to predict without zeros, since a part that holds nothing else cannot be scored by every metric."""
    if kind_of(column) != "number":
        return column
    kept = column.values != 0
    return Column(column.name, column.values[kept], None if column.written is None else column.written[kept])


def _runs(pairs: Sequence[tuple[str, str]]) -> int:
    """How many stretches of columns are made alike."""
    return 1 + sum(made != before for (_, made), (_, before) in pairwise(pairs))


def _alike(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The same columns, with numbers of one kind made as most of them are; the rarest others are made like them, too."""
    usual: dict[str, str] = {}
    for made, _ in Counter(made for _, made in pairs if _shape(made)).most_common():
        usual.setdefault(_shape(made), made)
    alike = [(name, usual.get(_shape(made), made)) for name, made in pairs]
    kept = {made for made, _ in Counter(made for _, made in alike).most_common(len(_LETTERS))}
    common = Counter(made for _, made in alike).most_common(1)[0][0]
    return [(name, made if made in kept else common) for name, made in alike]


def _shape(made: str) -> str:
    """What expressions for numbers of one kind have in common: sign, places and whether there are gaps; empty for others."""
    found = re.fullmatch(r"(with_gaps\(rng, )?rng\.(uniform|integers)\((-?)[^()]*\)(\.round\(\d\))?(, [\d.]+\))?", made)
    return "" if found is None else f"{bool(found[1])} {found[2]} {found[3]} {found[4]}"


def _one_per_kind(names: Sequence[str]) -> list[str]:
    kinds: dict[str, str] = {}
    for name in names:
        kinds.setdefault(PurePosixPath(name).suffix.lower(), name)
    return list(kinds.values())[:5]


def _fits(media: Media, name: str) -> bool:
    """Whether a file is one of those that rows name."""
    before, _, after = media.name.partition("{}")
    return name.startswith(media.inside + before) and (name.endswith(after) or after == "/")


def _below(path: str) -> str:
    """A path below the raw folder as Python."""
    return "raw" if path in ("", ".") else f"raw / {literal(path)}"


def _escaped(text: str) -> str:
    """Text as a part of a formatted string."""
    return text.replace("{", "{{").replace("}", "}}")


def _letters_before(cells: object) -> str:
    """What all cells of a part begin with before a number, such as `scan` of `scan3`."""
    found = {re.sub(r"\d+$", "", str(cell)) for cell in cells}  # type: ignore[attr-defined]
    return _escaped(found.pop()) if len(found) == 1 else ""


def _is_reserved(name: str) -> bool:
    import keyword

    return keyword.iskeyword(name) or name == "self"


def _numbered(names: Sequence[str]) -> tuple[str, str] | None:
    """For names that differ in one number and count up, a formatted string with `k` and the range; else None."""
    found = [re.fullmatch(r"(\D*)(\d+)(\D*)", name) for name in names]
    if not all(found):
        return None
    before, first, after = found[0].groups()  # type: ignore[union-attr]
    start = int(first)
    padded = first.startswith("0") and len(first) > 1
    form = f"{{k:0{len(first)}d}}" if padded else "{k}"
    if any(name != f"{before}{start + place:0{len(first) if padded else 1}d}{after}" for place, name in enumerate(names)):
        return None
    numbers = f"range({start}, {start + len(names)})" if start else f"range({len(names)})"
    return f"f{literal(_escaped(before) + form + _escaped(after))}", numbers


def _typed(classes: Sequence[str], column: Column) -> list[object] | None:
    """The classes as the cells of a column hold them; None if cells list several of them."""
    import pandas as pd

    words = set(column.words)
    if kind_of(column) == "boolean":
        return [*sorted(words)] if words - {"True", "False"} else [False, True]
    if pd.api.types.is_numeric_dtype(column.present) and not any(re.fullmatch(r"0\d+", word) for word in words):
        try:
            numbers = [float(name) for name in classes]
        except ValueError:
            return [value.item() for value in column.present.drop_duplicates().sort_values().to_numpy()]
        is_float = str(column.present.dtype).lower().startswith("float") and not column.gaps
        return [number if is_float or number % 1 else int(number) for number in numbers]
    lists_several = not words <= set(classes) and (tags(sorted(words)) or not words & set(classes))
    return None if lists_several else list(classes)
